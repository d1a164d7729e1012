import { crc32, deflateRawSync } from "node:zlib";

/** A member of a made-up zip file; every field but the name and the content may lie. */
export interface MadeMember {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** Packed bytes in place of the content's own. */
  readonly packed?: Buffer;
  /** The name in the local header, where it is another one. */
  readonly localName?: string;
  readonly method?: number;
  readonly flags?: number;
  /** Unix mode with the file type: 0o120777 is a symbolic link. */
  readonly mode?: number;
  readonly crc?: number;
  readonly sizeBytes?: number;
  /** Sizes and checksum behind the data, as writers of streams put them. */
  readonly descriptor?: true;
  /** The member's local header is that of another one, by position. */
  readonly sameAs?: number;
}

interface PlacedMember {
  readonly local: Buffer;
  readonly directory: (offset: number) => Buffer;
}

/** The bytes of a zip file, whole or in parts. */
export interface MadeZip {
  readonly locals: Buffer;
  readonly directory: Buffer;
  readonly end: Buffer;
  readonly all: Buffer;
}

/** Writes a zip file with these members, in this order. */
export function makeZip(members: readonly MadeMember[], comment = ""): MadeZip {
  const placed = members.map(placedMember);
  const offsets: number[] = [];
  let offset = 0;
  for (const [index, { local }] of placed.entries()) {
    const shared = members[index]?.sameAs;
    offsets.push(shared === undefined ? offset : (offsets[shared] ?? 0));
    if (shared === undefined) offset += local.length;
  }
  const locals = Buffer.concat(
    placed.filter((_, index) => members[index]?.sameAs === undefined).map(({ local }) => local),
  );
  const directory = Buffer.concat(
    placed.map((member, index) => member.directory(offsets[index] ?? 0)),
  );
  const end = zipEnd({
    numEntries: members.length,
    directoryBytes: directory.length,
    start: locals.length,
    comment,
  });
  return { locals, directory, end, all: Buffer.concat([locals, directory, end]) };
}

/** The record at the end of a zip file. */
export function zipEnd(fields: {
  readonly numEntries: number;
  readonly directoryBytes: number;
  readonly start: number;
  readonly comment: string;
}): Buffer {
  const isLong = fields.numEntries > 0xffff;
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(Math.min(fields.numEntries, 0xffff), 8);
  end.writeUInt16LE(Math.min(fields.numEntries, 0xffff), 10);
  end.writeUInt32LE(fields.directoryBytes, 12);
  end.writeUInt32LE(fields.start, 16);
  end.writeUInt16LE(Buffer.byteLength(fields.comment, "latin1"), 20);
  const long = isLong ? [zipEnd64(fields)] : [];
  return Buffer.concat([...long, end, Buffer.from(fields.comment, "latin1")]);
}

/** The 64-bit end and its locator. */
function zipEnd64(fields: {
  readonly numEntries: number;
  readonly directoryBytes: number;
  readonly start: number;
}): Buffer {
  const end = Buffer.alloc(56);
  end.write("PK\x06\x06", "latin1");
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(BigInt(fields.numEntries), 24);
  end.writeBigUInt64LE(BigInt(fields.numEntries), 32);
  end.writeBigUInt64LE(BigInt(fields.directoryBytes), 40);
  end.writeBigUInt64LE(BigInt(fields.start), 48);
  const locator = Buffer.alloc(20);
  locator.write("PK\x06\x07", "latin1");
  locator.writeBigUInt64LE(BigInt(fields.start + fields.directoryBytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end, locator]);
}

function placedMember(member: MadeMember): PlacedMember {
  const content = Buffer.from(member.content ?? "");
  const method = member.method ?? 8;
  const packed = member.packed ?? (method === 8 ? deflateRawSync(content) : content);
  const fields = {
    flags: (member.flags ?? 0x800) | (member.descriptor === true ? 8 : 0),
    method,
    crc: member.crc ?? crc32(content),
    packedBytes: packed.length,
    sizeBytes: member.sizeBytes ?? content.length,
  };
  const name = Buffer.from(member.name);
  const localName = Buffer.from(member.localName ?? name);
  return {
    local: localRecord({ fields, localName, packed, descriptor: member.descriptor === true }),
    directory: (offset) => directoryRecord({ fields, name, mode: member.mode ?? 0, offset }),
  };
}

interface Fields {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
}

function localRecord(record: {
  readonly fields: Fields;
  readonly localName: Buffer;
  readonly packed: Buffer;
  readonly descriptor: boolean;
}): Buffer {
  const { fields, localName, packed, descriptor } = record;
  const { flags, method, crc, packedBytes, sizeBytes } = fields;
  const header = Buffer.alloc(30);
  header.write("PK\x03\x04", "latin1");
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt16LE(method, 8);
  header.writeUInt16LE(localName.length, 26);
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE(crc, 0);
  sizes.writeUInt32LE(packedBytes, 4);
  sizes.writeUInt32LE(sizeBytes, 8);
  if (!descriptor) sizes.copy(header, 14);
  const tail = descriptor ? [Buffer.from("PK\x07\x08", "latin1"), sizes] : [];
  return Buffer.concat([header, localName, packed, ...tail]);
}

function directoryRecord(record: {
  readonly fields: Fields;
  readonly name: Buffer;
  readonly mode: number;
  readonly offset: number;
}): Buffer {
  const { fields, name, mode, offset } = record;
  const header = Buffer.alloc(46);
  header.write("PK\x01\x02", "latin1");
  header.writeUInt16LE((3 << 8) | 20, 4);
  header.writeUInt16LE(20, 6);
  header.writeUInt16LE(fields.flags, 8);
  header.writeUInt16LE(fields.method, 10);
  header.writeUInt32LE(fields.crc, 16);
  header.writeUInt32LE(fields.packedBytes, 20);
  header.writeUInt32LE(fields.sizeBytes, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt32LE((mode << 16) >>> 0, 38);
  header.writeUInt32LE(offset, 42);
  return Buffer.concat([header, name]);
}
