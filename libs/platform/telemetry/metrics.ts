import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** All metrics of a process. Label values come from closed sets: routes, statuses, gateways, outcomes, followers. docs/guides/observability.md lists them. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'heliograph_' });
  const registers = [registry];
  return {
    registry,
    requests: new Counter({ registers, name: 'heliograph_http_requests_total', help: 'Answered requests, by method, route template and status.', labelNames: ['method', 'route', 'status'] }),
    requestSeconds: new Histogram({ registers, name: 'heliograph_http_request_seconds', help: 'Time from the first header to the end of the answer.', labelNames: ['route'], buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5] }),
    unreadable: new Counter({ registers, name: 'heliograph_http_unreadable_total', help: 'Requests that were refused before any route: not valid HTTP, two meanings, too slow.', labelNames: ['code'] }),
    limited: new Counter({ registers, name: 'heliograph_rate_limited_total', help: 'Requests over a rate limit, by kind of credential.', labelNames: ['credential'] }),
    refused: new Counter({ registers, name: 'heliograph_refused_credentials_total', help: 'Requests whose credential was refused, by reason.', labelNames: ['reason'] }),
    signIns: new Counter({ registers, name: 'heliograph_sign_ins_total', help: 'Tries to sign in with a password, by how they ended.', labelNames: ['outcome'] }),
    passwordHashes: new Gauge({ registers, name: 'heliograph_password_hashes', help: 'Password hashes that run or wait; at 128 waiting, sign-ins are answered 503.' }),
    signInsLost: new Counter({ registers, name: 'heliograph_refused_sign_ins_lost_total', help: 'Refused sign-ins that could not be written to the log.' }),
    mails: new Counter({ registers, name: 'heliograph_mails_total', help: 'Mails about accounts that were handed to a mail server, or could not be.', labelNames: ['outcome', 'problem'] }),
    handshakes: new Counter({ registers, name: 'heliograph_tls_failed_handshakes_total', help: 'TLS handshakes that failed, by reason.', labelNames: ['reason'] }),
    certificateEnds: new Gauge({ registers, name: 'heliograph_certificate_end_timestamp_seconds', help: 'When a certificate of this server ends, in seconds since 1970.', labelNames: ['certificate'] }),
    certificatesEnding: new Gauge({ registers, name: 'heliograph_client_certificates_ending', help: 'Client certificates that count and end within 30 days, looked at once a minute.' }),
    keyUsesDropped: new Counter({ registers, name: 'heliograph_key_uses_dropped_total', help: 'Uses of API keys that were not written down, because the log did not answer for too long.' }),
    accepted: new Counter({ registers, name: 'heliograph_messages_accepted_total', help: 'Messages accepted, repeats not counted, by form of the request.', labelNames: ['form'] }),
    settingsChanged: new Counter({ registers, name: 'heliograph_settings_changed_total', help: 'Settings that changed while this process ran, by category.', labelNames: ['category'] }),
    appends: new Counter({ registers, name: 'heliograph_appends_total', help: 'Appends of this process to the log, each acknowledged as durable.' }),
    calls: new Counter({ registers, name: 'heliograph_gateway_calls_total', help: 'Ended gateway calls.', labelNames: ['gateway', 'outcome', 'problem'] }),
    callSeconds: new Histogram({ registers, name: 'heliograph_gateway_call_seconds', help: 'Time of a gateway call.', labelNames: ['gateway'], buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] }),
    // the names of the chat application's manual
    sockets: new Counter({ registers, name: 'pneumatic_websocket_connections_total', help: 'Total number of WebSocket connections established' }),
    socketsOpen: new Gauge({ registers, name: 'pneumatic_websocket_connections_active', help: 'Current active WebSocket connections' }),
    socketsClosed: new Counter({ registers, name: 'heliograph_websocket_closes_total', help: 'Closed WebSocket connections, by close code.', labelNames: ['code'] }),
    frames: new Counter({ registers, name: 'heliograph_websocket_frames_total', help: 'Frames taken from WebSockets, by type; unknown ones are `other`.', labelNames: ['type'] }),
    socketSweepSeconds: new Histogram({ registers, name: 'heliograph_websocket_sweep_seconds', help: 'Time of one look at the credentials of all open WebSockets, once a second.', buckets: [0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1] }),
    failing: new Gauge({ registers, name: 'heliograph_failing', help: '1 for each part that /ready names as failing.', labelNames: ['part'] }),
    followerEvents: new Gauge({ registers, name: 'heliograph_follower_events', help: 'Events a follower has taken since start.', labelNames: ['follower'] }),
    followerSilentSeconds: new Gauge({ registers, name: 'heliograph_follower_silent_seconds', help: 'Time since a follower last heard from the log.', labelNames: ['follower'] }),
    followerStopped: new Gauge({ registers, name: 'heliograph_follower_stopped', help: '1 while a follower stands still because of an error.', labelNames: ['follower'] }),
    parkedRows: new Gauge({ registers, name: 'heliograph_parked_rows', help: 'Rows of a view that are stale because their fold failed.', labelNames: ['view'] }),
    laneWaiting: new Gauge({ registers, name: 'heliograph_lane_waiting', help: 'Things due or to come, by lane: the depth of its queue.', labelNames: ['lane'] }),
    laneRunning: new Gauge({ registers, name: 'heliograph_lane_running', help: 'Attempts under way, by lane.', labelNames: ['lane'] }),
    laneOpen: new Gauge({ registers, name: 'heliograph_lane_circuit_open', help: '1 while a lane\'s circuit is open.', labelNames: ['lane'] }),
  };
}
export type Metrics = ReturnType<typeof createMetrics>;
