/**
 * Who read a message that is not his own, in the stream `look-{message id}`, beside the message's: a reader never stands in
 * the way of whoever sends it. Looking at one's own things is not written down.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type LookEvents = {
  MessageLookedAt: {
    /** whose message it is */
    owner: string;
    /** whose eyes: the reader's owner id, or `local` for whoever may open the data folder */
    by: string;
    /** what he signed in with, as in an event's metadata */
    credential: string;
    /** its text and numbers, or its whole life */
    what: 'message' | 'life';
    at: string;
  };
};
