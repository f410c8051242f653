/** The code of the parts of a model: of this repository only, since a user's own parts have a hash of their own. */
import { join } from 'node:path';
import { codeOf, saidCode, type Code } from '../../parts/code';
import { lookUp } from '../../parts/define';
import { backboneRegistry } from '../zoo/backbones';
import { connectorFile, type ConnectorSpec } from '../zoo/connectors';
import { encoderRegistry, type EncoderTower } from '../zoo/encoders';

/** Where the code of models lies, and the lists of their parts. */
const room = {
  rooms: ['src/models/zoo/', 'src/models/published/', 'src/models/parts/'],
  lists: ['encoders', 'connectors', 'backbones'].map((kind) => `src/models/zoo/${kind}/index.ts`),
};

/** All published families: which one a checkpoint is can be unknown until it is fetched. */
export const familiesFile = join(__dirname, '..', 'published', 'index.ts');

/** The code of parts of models, by file. */
export const codeOfModel = (files: readonly (string | undefined)[]): Code => codeOf(files, room);

/** The code of what a manifest's checkpoint, encoder, connector and backbone name, by file. */
export function modelCode(model: {
  checkpoint?: string | undefined;
  encoder: string;
  connector: Pick<ConnectorSpec, 'kind'>;
  backbone: string;
}): Code {
  const { checkpoint, encoder, connector, backbone } = model;
  const own =
    checkpoint === undefined
      ? [lookUp(encoderRegistry, encoder)?.file, lookUp(backboneRegistry, backbone)?.file]
      : [familiesFile];
  return codeOfModel([...own, connectorFile(connector.kind)]);
}

/** What stored features of a tower say of its code; undefined where that is nothing. */
export const saidOfTower = ({ file, code }: Pick<EncoderTower, 'file' | 'code'>): string | Code | undefined =>
  code ?? saidCode(codeOfModel([file]));

/** The same of the towers of published checkpoints. */
export const saidOfFamilies = (): Code | undefined => saidCode(codeOfModel([familiesFile]));
