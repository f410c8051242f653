/** What is written into every file of a figure or table. */
export interface Provenance {
  title: string;
  caption: string;
  /** sha256 of the data as CSV */
  dataSha256: string;
  /** command that makes the figure again */
  command: string;
}
