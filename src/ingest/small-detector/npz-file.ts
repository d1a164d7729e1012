import { promisify } from "node:util";
import { crc32, deflateRaw } from "node:zlib";

/** An array of 16-bit floats in row order. */
export interface HalfArray {
  readonly shape: readonly number[];
  readonly values: Float16Array;
}

const deflated = promisify(deflateRaw);

// Of PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16.
const LOCAL_SIGNATURE = 0x04034b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const ZIP_VERSION = 20;
const DEFLATED = 8;
/** 1980-01-01, the first day that a zip file knows: the same arrays make the same bytes. */
const FIRST_DAY = 0x21;

/** Features are noise for the most part: more effort takes three times as long for a tenth less. */
const FAST = 1;

interface Member {
  readonly name: Buffer;
  readonly crc: number;
  readonly packed: Buffer;
  readonly sizeBytes: number;
}

/** The bytes of an .npz file as `numpy.savez_compressed` makes one of float16 arrays. */
export async function npzBytes(arrays: Readonly<Record<string, HalfArray>>): Promise<Buffer> {
  const members = await Promise.all(
    Object.entries(arrays).map(async ([name, array]): Promise<Member> => {
      const bytes = npyBytes(array);
      const packed = await deflated(bytes, { level: FAST });
      const entry = Buffer.from(`${name}.npy`);
      return { name: entry, crc: crc32(bytes), packed, sizeBytes: bytes.length };
    }),
  );
  let offset = 0;
  const offsets = members.map(({ name, packed }) => {
    offset += LOCAL_BYTES + name.length + packed.length;
    return offset - LOCAL_BYTES - name.length - packed.length;
  });
  const central = Buffer.concat(
    members.flatMap((member, index) => [centralHeader(member, offsets[index] ?? 0), member.name]),
  );
  return Buffer.concat([
    ...members.flatMap((member) => [localHeader(member), member.name, member.packed]),
    central,
    endOf({ numMembers: members.length, start: offset, sizeBytes: central.length }),
  ]);
}

/** Format version 1.0 of numpy.lib.format: a header padded to 64 bytes, then the values. */
function npyBytes({ shape, values }: HalfArray): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '<f2', 'fortran_order': False, 'shape': (${sizes}), }`;
  const unpadded = 10 + header.length + 1;
  const padded = `${header}${" ".repeat(Math.ceil(unpadded / 64) * 64 - unpadded)}\n`;
  const prefix = Buffer.from("\u{93}NUMPY\u{1}\0\0\0", "latin1");
  prefix.writeUInt16LE(padded.length, 8);
  const content = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([prefix, Buffer.from(padded, "latin1"), content]);
}

function localHeader({ crc, name, packed, sizeBytes }: Member): Buffer {
  const header = Buffer.alloc(LOCAL_BYTES);
  header.writeUInt32LE(LOCAL_SIGNATURE, 0);
  header.writeUInt16LE(ZIP_VERSION, 4);
  header.writeUInt16LE(DEFLATED, 8);
  header.writeUInt16LE(FIRST_DAY, 12);
  header.writeUInt32LE(crc, 14);
  header.writeUInt32LE(packed.length, 18);
  header.writeUInt32LE(sizeBytes, 22);
  header.writeUInt16LE(name.length, 26);
  return header;
}

function centralHeader({ crc, name, packed, sizeBytes }: Member, offset: number): Buffer {
  const header = Buffer.alloc(CENTRAL_BYTES);
  header.writeUInt32LE(CENTRAL_SIGNATURE, 0);
  header.writeUInt16LE(ZIP_VERSION, 4);
  header.writeUInt16LE(ZIP_VERSION, 6);
  header.writeUInt16LE(DEFLATED, 10);
  header.writeUInt16LE(FIRST_DAY, 14);
  header.writeUInt32LE(crc, 16);
  header.writeUInt32LE(packed.length, 20);
  header.writeUInt32LE(sizeBytes, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt32LE(offset, 42);
  return header;
}

function endOf(directory: { numMembers: number; start: number; sizeBytes: number }): Buffer {
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(END_SIGNATURE, 0);
  end.writeUInt16LE(directory.numMembers, 8);
  end.writeUInt16LE(directory.numMembers, 10);
  end.writeUInt32LE(directory.sizeBytes, 12);
  end.writeUInt32LE(directory.start, 16);
  return end;
}
