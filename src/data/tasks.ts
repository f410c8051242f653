/**
 * Every task that comes with Equipoise as plain data: the generated sets, then the published ones. A new task is a line
 * here and, for a generated set, one in index.ts; nothing here draws, decodes or fetches, so that a list of names costs
 * nothing.
 */
import { publishedTasks } from './readers/published';
import { emojiIconQa2Task, emojiIconQaTask } from './sets/emojiIconQa/task';
import { grooveCapTask } from './sets/grooveCap/task';
import { picKnowQa2Task, picKnowQaTask } from './sets/picKnowQa/task';
import { readQaTask } from './sets/readQa/task';
import { sceneCapTask } from './sets/sceneCap/task';
import { soundQaTask } from './sets/soundQa/task';
import type { TaskDefinition } from './types';

export const taskDefinitions: readonly TaskDefinition[] = [
  emojiIconQaTask,
  emojiIconQa2Task,
  grooveCapTask,
  picKnowQaTask,
  picKnowQa2Task,
  readQaTask,
  sceneCapTask,
  soundQaTask,
  ...publishedTasks,
];

/** What a task says of itself; undefined for one of the user's own. */
export const definitionOf = (name: string): TaskDefinition | undefined =>
  taskDefinitions.find((task) => task.name === name);
