/** STYLE's table: each room of src/ and the rooms it may import beside itself. */
export const roomImports: Readonly<Record<string, readonly string[]>> = {
  core: [],
  pixels: ["core"],
  ingest: ["core", "pixels"],
  audit: ["core"],
  shards: ["core"],
  tensor: ["core"],
  report: ["core"],
  loader: ["core", "pixels", "shards"],
  models: ["core", "tensor"],
  train: ["core", "loader", "tensor", "models"],
  eval: ["core", "loader", "tensor", "models"],
  cli: [
    "core",
    "pixels",
    "ingest",
    "audit",
    "shards",
    "tensor",
    "report",
    "loader",
    "models",
    "train",
    "eval",
  ],
};

const tensorRooms = ["tensor", "models", "train", "eval"];
const edgeRooms = ["ingest", "audit", "shards", "tensor", "loader", "train", "eval", "cli"];

/** Every package that src/ may import and the rooms that may; a package that is not listed may not be imported. */
export const packageRooms: Readonly<Record<string, readonly string[]>> = {
  "@aws-sdk/credential-provider-node": ["shards"],
  "@julusian/jpeg-turbo": ["pixels"],
  "@smithy/signature-v4": ["shards"],
  "@tensorflow/tfjs-core": tensorRooms,
  "@tensorflow/tfjs-node-gpu": ["tensor"],
  "apache-arrow": ["shards"],
  commander: ["cli"],
  "csv-parse": ["ingest"],
  "fastest-levenshtein": ["ingest", "train", "cli"],
  htm: ["report"],
  "ipaddr.js": ["ingest"],
  koffi: ["pixels"],
  "log-update": ["cli"],
  "node-api-headers": ["tensor"],
  "p-limit": ["ingest", "shards", "loader"],
  preact: ["report"],
  "preact-render-to-string": ["report"],
  protobufjs: ["tensor"],
  "robots-parser": ["ingest"],
  sharp: ["ingest", "pixels"],
  "tar-stream": ["ingest"],
  undici: ["ingest", "shards"],
  vega: ["report"],
  "vega-lite": ["report"],
  yauzl: ["ingest", "tensor"],
  zod: edgeRooms,
};

/** What `crossweave --help` may load: everything else is imported inside the commands' actions. */
export const lightRooms: readonly string[] = ["core", "cli"];
export const lightPackages: readonly string[] = ["commander"];

/** Files that may import a computed name: a user's own recipe, or the TensorFlow binding from where `setup` put it. */
export const computedImports: readonly string[] = [
  "train/recipe-file.ts",
  "tensor/load.ts",
  "tensor/runtime/tfjs-package.ts",
];
