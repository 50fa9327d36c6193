/** What happens while modules are served, for people a line each, and for programs a JSON object each. */
export type ServeEvent =
  | { readonly event: 'listening'; readonly process: number; readonly pid: number; readonly urls: readonly string[] }
  | {
      readonly event: 'died';
      readonly process: number;
      readonly pid: number;
      readonly how: string;
      readonly restartInMs: number;
    }
  | { readonly event: 'failed'; readonly process: number; readonly pid: number; readonly why: string }
  | { readonly event: 'draining'; readonly process: number; readonly pid: number }
  | { readonly event: 'left'; readonly process: number; readonly pid: number; readonly how: string }
  | { readonly event: 'rolling' }
  | { readonly event: 'rolled' }
  | { readonly event: 'stopping' }
  | { readonly event: 'stopped'; readonly exitCode: number };

export type TellEvent = (event: ServeEvent) => void;

/** `of`: how many processes there are; undefined where this process is the only one. */
export function eventPrinter(json: boolean, of: number | undefined, write: (line: string) => void): TellEvent {
  if (json) return (event) => write(JSON.stringify({ time: new Date().toISOString(), ...event }));
  return (event) => write(describe(event, of));
}

function describe(event: ServeEvent, of: number | undefined): string {
  switch (event.event) {
    case 'rolling':
      return 'restarting all processes, one after the other';
    case 'rolled':
      return 'all processes have been restarted';
    case 'stopping':
      return 'stopping: all processes finish what they have taken';
    case 'stopped':
      return event.exitCode === 0 ? 'stopped' : `stopped, with exit code ${event.exitCode}`;
  }
  const who = of === undefined ? `process ${event.pid}` : `process ${event.pid} (${event.process} of ${of})`;
  switch (event.event) {
    case 'listening':
      return `${who} listens at ${event.urls.join(' ')}`;
    case 'died':
      return `${who} died ${event.how}; another one is started in ${event.restartInMs} ms`;
    case 'failed':
      return `${who} could not be started: ${event.why}`;
    case 'draining':
      return `${who} finishes what it has taken`;
    case 'left':
      return `${who} has left ${event.how}`;
  }
}
