/** What names may be made of, for all who read or write one. */
import { limits } from './limits.js';

/** The characters of a job type, as a regular expression. Neither `*` nor `/` is among them, which topics rely on. */
export const jobTypePattern = '^[A-Za-z0-9_.:-]+$';

const jobTypeForm = new RegExp(jobTypePattern);

/** True for what can be the name of a job type, registered or not. */
export function isJobType(text: string): text is string {
  return text.length <= limits.nameChars && jobTypeForm.test(text);
}
