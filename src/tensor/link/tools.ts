/** What linking asks of the machine beyond its programs, and how it says that one way to link does not work. */
import { existsSync } from 'node:fs';
import { exitCode, userError, type UserError } from '../../problems';
import { findTool } from '../../tool';

/** Whether this machine has an NVIDIA driver. */
export function hasNvidia(): boolean {
  return existsSync('/dev/nvidiactl') || findTool('nvidia-smi') !== null;
}

/** An error of one way to link: shown as one line, after which the next way is tried. */
export function linkError(where: string, what: string, hint?: string): UserError {
  return userError({ where, what, ...(hint === undefined ? {} : { hint }) }, exitCode.unavailable);
}
