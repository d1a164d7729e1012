/** Why a picture's region features cannot be stored; the codes stand in the ledger. */
export type RegionFaultCode =
  /** The entry cannot be read as what it should be: damaged, cut, not base64, no npz. */
  | "REG_UNREADABLE"
  /** Its arrays do not have the sizes that they should have, or are of another kind. */
  | "REG_SHAPE"
  /** A value is NaN, infinite, or too large for 16 bits. */
  | "REG_VALUE"
  /** A box lies outside of the picture or has its corners the wrong way round. */
  | "REG_BOX"
  /** It is about a picture of another size. */
  | "REG_FRAME"
  /** Two entries say different things about one picture. */
  | "REG_TWICE";

/** Region features that are there but cannot be used; the picture's records go to quarantine and the run goes on. */
export class RegionFault extends Error {
  readonly code: RegionFaultCode;

  constructor(code: RegionFaultCode, message: string) {
    super(message);
    this.name = "RegionFault";
    this.code = code;
  }
}
