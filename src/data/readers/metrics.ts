/** Which metrics of generated text belong to a published format, by kind of question; other formats have none of their own. */
import type { TaskFormat } from '../../manifest/taskManifest';
import type { TaskDefinition } from '../types';

export const formatMetrics: Readonly<Partial<Record<TaskFormat, NonNullable<TaskDefinition['metrics']>>>> = {
  'a-okvqa': { 'direct-answer': 'directAnswerAccuracy' },
  daquar: { 'one-part': 'sets', 'several-parts': 'sets' },
};
