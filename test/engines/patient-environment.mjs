// The stories' own time limits are for the embedded engines. Here three servers share the machine with them, and the one in
// MongoDB's place takes one write at a time: each limit counts five times. What a story promises in seconds, it measures itself.
import { TestEnvironment } from 'jest-environment-node';

const TIMES = 5;

export default class PatientEnvironment extends TestEnvironment {
  handleTestEvent({ name, test, hook }) {
    if (name === 'test_start' && test.timeout) test.timeout *= TIMES;
    if (name === 'hook_start' && hook.timeout) hook.timeout *= TIMES;
  }
}
