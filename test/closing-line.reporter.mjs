/**
 * Closes a run with one line that people and programs read alike: `N passed, N failed`, and how many were skipped, which are listed
 * above it by name. A suite that could not start counts as a failure.
 */
export default class ClosingLine {
  onRunComplete(_contexts, r) {
    const failed = r.numFailedTests + r.numRuntimeErrorTestSuites;
    const skipped = r.testResults.flatMap((suite) => suite.testResults.filter((t) => t.status === 'pending' || t.status === 'todo'));
    const list = skipped.map((t) => `  skipped: ${t.fullName}\n`).join('');
    // at exit, so that no other reporter's summary comes after it
    process.once('exit', () => process.stdout.write(`\n${list}${r.numPassedTests} passed, ${failed} failed${skipped.length ? `, ${skipped.length} skipped` : ''}\n`));
  }
}
