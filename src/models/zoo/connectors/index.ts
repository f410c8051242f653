/** All connectors. To add one: a file beside this one, and a line in the list (docs/extending.md). */
import { lookUp, register, type SpecOf } from '../../../parts/define';
import type { Options, ValuesOf } from '../../../parts/options';
import { blip2Qformer } from './blip2Qformer';
import type {
  Connector,
  ConnectorFacts,
  ConnectorFault,
  ConnectorPart,
  ConnectorShape,
  ConnectorStart,
} from './connector';
import { mlp } from './mlp';
import { pixelShuffle } from './pixelShuffle';
import { published } from './published';
import { qformer } from './qformer';
import { windowQformer } from './windowQformer';

export type { Connector, ConnectorFault, ConnectorPart, ConnectorShape, ConnectorStart } from './connector';

/** By the name that manifests use; the order is that of the docs. */
export const connectors = {
  mlp,
  qformer,
  'pixel-shuffle': pixelShuffle,
  'blip2-qformer': blip2Qformer,
  'window-qformer': windowQformer,
  published,
};

/** What a run has by default. */
export const defaultConnector = 'mlp';

/**
 * How the encoder's feature grid becomes prefix tokens of the backbone's width: a name and all of its options, as in a
 * resolved run.
 */
export type ConnectorSpec = SpecOf<typeof connectors>;

/** The list as other rooms see it: names are theirs to look up, not to know. */
const byName = connectors as unknown as Readonly<Record<string, ConnectorPart>>;

/** Adds a connector at start-up, before a manifest is read. Throws Error when its name or an option cannot be had. */
export const registerConnector = <O extends Options>(name: string, part: ConnectorPart<O>): void =>
  register(byName, name, part);

/** Names of the connectors whose facts `which` accepts, in the order of the list. */
export const connectorNames = (which: (facts: ConnectorFacts<never>) => boolean): string[] =>
  Object.keys(byName).filter((name) => which(byName[name]!.facts));

/** What other rooms must know of a connector; nothing of one that is not known here. */
export const connectorFacts = (name: string): ConnectorFacts<never> =>
  Object.hasOwn(byName, name) ? byName[name]!.facts : {};

/** Where a connector of this repository stands, as `codeOf` takes it; undefined for others. */
export const connectorFile = (name: string): string | undefined => lookUp(byName, name)?.file;

/** What forbids the options of a connector of a resolved run. */
export const connectorFaults = (spec: ConnectorSpec): ConnectorFault[] =>
  byName[spec.kind]!.facts.faults?.(optionsOf(spec)) ?? [];

/** The data manifests of the weights that a connector starts from; none for one that starts at random. */
export function connectorSources(spec: ConnectorSpec): string[] {
  const start = startOf(spec);
  return start === undefined ? [] : [start.source];
}

/** Weights that a connector starts from, fetched on first use; undefined when it starts at random. */
export const connectorStart = async (spec: ConnectorSpec): Promise<ConnectorStart | undefined> => startOf(spec)?.load();

/** Feature rows that a connector looks at, of those that an encoder can give; undefined: the encoder's default. */
export const connectorRows = (spec: ConnectorSpec, choices: readonly number[]): number | undefined =>
  byName[spec.kind]!.facts.wholeGrid === true ? Math.max(...choices) : undefined;

/** `start` as `connectorStart` gives it. Throws UserError for options that do not fit the encoder's features. */
export const buildConnector = (spec: ConnectorSpec, shape: ConnectorShape, start?: ConnectorStart): Connector =>
  byName[spec.kind]!.make(optionsOf(spec))(shape, start);

const startOf = (spec: ConnectorSpec) => byName[spec.kind]!.facts.start?.(optionsOf(spec));

/** A resolved spec has the options of its own kind: the schema of a run has checked it. */
const optionsOf = (spec: ConnectorSpec) => spec as unknown as ValuesOf<Options>;
