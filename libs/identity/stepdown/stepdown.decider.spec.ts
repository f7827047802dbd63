import { describe, it } from '@jest/globals';
import type { EventOf } from '#libs/event-sourcing/event';
import { given } from '#libs/event-sourcing/testing/given';
import { by } from '#libs/event-sourcing/testing/rooms';
import { BeginStepDown, EndStepDown, stepdown, TURN_MS } from './stepdown.decider.js';
import type { StepDownEvents } from './stepdown.events.js';

const START = Date.parse('2030-01-01T00:00:00.000Z');
const at = (ms: number): string => new Date(START + ms).toISOString();
const begun = (turn: string, ms = 0): EventOf<StepDownEvents, 'plain'> => ({ type: 'StepDownBegun', data: { user: 'usr_1', turn, at: at(ms) } });
const ended = (turn: string, ms = 0): EventOf<StepDownEvents, 'plain'> => ({ type: 'StepDownEnded', data: { user: 'usr_1', turn, at: at(ms) } });
const begin = (turn: string): BeginStepDown => new BeginStepDown('1', { user: 'usr_1', turn }, by('test'));
const end = (turn: string): EndStepDown => new EndStepDown('1', { turn }, by('test'));

describe('stepping down', () => {
  it('is one at a time, for a minute at most', () => {
    given(stepdown).when(begin('t1'), at(0)).then(begun('t1'));
    given(stepdown, begun('t1')).when(begin('t2'), at(TURN_MS - 1)).thenRefused('conflict');
    given(stepdown, begun('t1')).when(begin('t1'), at(1)).thenRefused('conflict');
    given(stepdown, begun('t1')).when(begin('t2'), at(TURN_MS)).then(begun('t2', TURN_MS));
    given(stepdown, begun('t1'), ended('t1')).when(begin('t2'), at(1)).then(begun('t2', 1));
  });
  it('is ended by whoever has the turn', () => {
    given(stepdown, begun('t1')).when(end('t1'), at(1)).then(ended('t1', 1));
    given(stepdown, begun('t1')).when(end('t2'), at(1)).thenNothing();
    given(stepdown, begun('t1'), ended('t1')).when(end('t1'), at(1)).thenNothing();
    given(stepdown).when(end('t1'), at(0)).thenNothing();
  });
});
