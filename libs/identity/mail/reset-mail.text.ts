/** The words of the mail with a link to a new password. */
export const resetText = ({ link, organisation }: { link: string; organisation: string }): { subject: string; text: string } => ({
  subject: `${organisation}: set a new password`,
  text: [
    'Somebody asked for a new password for your account, most likely you.', '',
    'Open this link within 30 minutes to set it:', '', link, '',
    'It works once, and only the newest one works. If it was not you, you need not do anything: your password stays as it is.', '',
  ].join('\n'),
});
