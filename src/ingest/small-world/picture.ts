import sharp, { type Sharp } from "sharp";
import { RandomStream } from "../../core/random.ts";
import type { Box } from "../../core/records.ts";
import { isRound, type Figure, type Photograph, type Point, type View } from "./scene.ts";

/** How a picture file was made from a photograph. Only "drawn" twice gives the same bytes. */
export type Rendering =
  | { readonly kind: "drawn" }
  | { readonly kind: "re-encoded" }
  | { readonly kind: "resized"; readonly factor: number }
  | { readonly kind: "cropped" }
  | { readonly kind: "flipped" };

// A copy is saved once more, at a quality that no drawn photograph has.
const COPY_QUALITY = 80;

/** What is true of the picture that a rendering gives. */
export function viewOf(photograph: Photograph, rendering: Rendering): View {
  const { width, height } = photograph;
  const objects = photograph.figures.map((figure) => ({
    shape: figure.shape,
    color: figure.color,
    size: figure.size,
    box: boxOf(figure),
  }));
  const through = (size: { width: number; height: number }, move: (box: Box) => Box): View => ({
    ...size,
    objects: objects.map((object) => ({ ...object, box: move(object.box) })),
  });
  switch (rendering.kind) {
    case "drawn":
    case "re-encoded":
      return { width, height, objects };
    case "resized": {
      const size = resizedSize(photograph, rendering.factor);
      return through(size, (box) => scaled(box, size.width / width, size.height / height));
    }
    case "cropped": {
      const window = cropWindow(photograph);
      return through(window, (box) => clipped(box, window));
    }
    case "flipped":
      return through({ width, height }, (box) => ({ ...box, x: width - box.x - box.width }));
  }
}

function scaled(box: Box, scaleX: number, scaleY: number): Box {
  const [x, y] = [Math.round(box.x * scaleX), Math.round(box.y * scaleY)];
  const right = Math.round((box.x + box.width) * scaleX);
  const bottom = Math.round((box.y + box.height) * scaleY);
  return { x, y, width: right - x, height: bottom - y };
}

function clipped(box: Box, window: Box): Box {
  const x = Math.max(box.x - window.x, 0);
  const y = Math.max(box.y - window.y, 0);
  const right = Math.min(box.x + box.width - window.x, window.width);
  const bottom = Math.min(box.y + box.height - window.y, window.height);
  return { x, y, width: right - x, height: bottom - y };
}

function resizedSize(photograph: Photograph, factor: number): { width: number; height: number } {
  return {
    width: Math.round(photograph.width * factor),
    height: Math.round(photograph.height * factor),
  };
}

// Off-center, and narrow enough at each side to leave every shape almost whole.
function cropWindow({ width, height }: Photograph): Box {
  const x = Math.round(width * 0.05);
  const y = Math.round(height * 0.03);
  return {
    x,
    y,
    width: width - x - Math.round(width * 0.04),
    height: height - y - Math.round(height * 0.05),
  };
}

/** The bytes of a picture file: JPEG, or PNG where `format` says so. A pure function of its arguments. */
export async function renderPicture(
  photograph: Photograph,
  rendering: Rendering,
  format: "jpeg" | "png",
): Promise<Uint8Array> {
  const { width, height, jpeg } = photograph;
  const drawn = sharp(paint(photograph), { raw: { width, height, channels: 3 } });
  if (rendering.kind === "drawn") {
    return format === "png" ? drawn.png().toBuffer() : drawn.jpeg(jpeg).toBuffer();
  }
  const copy = transformed(sharp(await drawn.jpeg(jpeg).toBuffer()), photograph, rendering);
  return format === "png" ? copy.png().toBuffer() : copy.jpeg({ quality: COPY_QUALITY }).toBuffer();
}

function transformed(original: Sharp, photograph: Photograph, rendering: Rendering): Sharp {
  switch (rendering.kind) {
    case "drawn":
    case "re-encoded":
      return original;
    case "resized":
      return original.resize({ ...resizedSize(photograph, rendering.factor), fit: "fill" });
    case "cropped": {
      const { x, y, width, height } = cropWindow(photograph);
      return original.extract({ left: x, top: y, width, height });
    }
    case "flipped":
      return original.flop();
  }
}

// pixels: [height, width, 3], 8-bit RGB
function paint(photograph: Photograph): Uint8ClampedArray {
  const { width, height, clutterSeed } = photograph;
  const pixels = new Uint8ClampedArray(width * height * 3);
  const random = new RandomStream(clutterSeed);
  paintPaper(pixels, photograph, random);
  for (let line = random.nextInt(4); line > 0; line -= 1) paintLine(pixels, photograph, random);
  for (let speck = 4 + random.nextInt(12); speck > 0; speck -= 1) {
    blend(pixels, random.nextInt(width * height), { ink: GREY, opacity: 0.45 });
  }
  for (const figure of photograph.figures) paintFigure(pixels, photograph, figure);
  addNoise(pixels, random);
  return pixels;
}

const GREY = [120, 120, 120] as const;

interface Stroke {
  readonly ink: readonly [number, number, number];
  readonly opacity: number;
}

function blend(pixels: Uint8ClampedArray, pixelIndex: number, { ink, opacity }: Stroke): void {
  ink.forEach((level, channel) => {
    const position = pixelIndex * 3 + channel;
    pixels[position] = (pixels[position] ?? 0) * (1 - opacity) + level * opacity;
  });
}

// Light from one side and two faint waves, so that no two backdrops are alike.
function paintPaper(pixels: Uint8ClampedArray, photograph: Photograph, random: RandomStream): void {
  const { width, height, paper } = photograph;
  const angle = random.nextFloat() * 2 * Math.PI;
  const [slopeX, slopeY] = [(Math.cos(angle) * 10) / width, (Math.sin(angle) * 10) / height];
  const waves = [0, 1].map(() => ({
    x: (random.nextFloat() - 0.5) * 0.3,
    y: (random.nextFloat() - 0.5) * 0.3,
    phase: random.nextFloat() * 2 * Math.PI,
  }));
  const [red, green, blue] = paper;
  for (let index = 0; index < width * height; index += 1) {
    const x = index % width;
    const y = Math.floor(index / width);
    let level = (x - width / 2) * slopeX + (y - height / 2) * slopeY;
    for (const wave of waves) level += 2 * Math.sin(x * wave.x + y * wave.y + wave.phase);
    pixels[index * 3] = red + level;
    pixels[index * 3 + 1] = green + level;
    pixels[index * 3 + 2] = blue + level;
  }
}

function paintLine(pixels: Uint8ClampedArray, size: Photograph, random: RandomStream): void {
  const { width, height } = size;
  const [x, y] = [random.nextFloat() * width, random.nextFloat() * height];
  const angle = random.nextFloat() * 2 * Math.PI;
  const length = (0.2 + 0.4 * random.nextFloat()) * Math.min(width, height);
  for (let step = 0; step < length; step += 1) {
    const column = Math.floor(x + step * Math.cos(angle));
    const row = Math.floor(y + step * Math.sin(angle));
    if (column < 0 || row < 0 || column >= width || row >= height) return;
    blend(pixels, row * width + column, { ink: GREY, opacity: 0.3 });
  }
}

function paintFigure(pixels: Uint8ClampedArray, size: Photograph, figure: Figure): void {
  const box = clipped(boxOf(figure), { x: 0, y: 0, width: size.width, height: size.height });
  const distanceTo = distanceFunction(figure);
  for (let row = box.y; row < box.y + box.height; row += 1) {
    for (let column = box.x; column < box.x + box.width; column += 1) {
      // A pixel is covered as far as its center lies inside the edge: one pixel of soft border.
      const opacity = 0.5 - distanceTo({ x: column + 0.5, y: row + 0.5 });
      if (opacity <= 0) continue;
      blend(pixels, row * size.width + column, {
        ink: figure.ink,
        opacity: Math.min(opacity, 1),
      });
    }
  }
}

function addNoise(pixels: Uint8ClampedArray, random: RandomStream): void {
  for (let pixel = 0; pixel < pixels.length; pixel += 3) {
    const bits = random.nextUint32();
    // The sum of two uniform bytes: a triangular distribution of standard deviation 4.6 levels.
    const luma = ((bits & 255) + ((bits >>> 8) & 255) - 255) / 22.5;
    for (let channel = 0; channel < 3; channel += 1) {
      const tint = ((bits >>> (16 + 5 * channel)) & 31) / 31 - 0.5;
      pixels[pixel + channel] = (pixels[pixel + channel] ?? 0) + luma + 4 * tint;
    }
  }
}

// Outer radii differ so that all shapes look about equally large.
const CIRCLE_RADIUS = 0.97;
const RING_RADII = { outer: 1, inner: 0.5 };

const quarterTurns = [0, 1, 2, 3].map((turn) => (turn * Math.PI) / 2);

const unitOutlines: Readonly<Record<Exclude<Figure["shape"], "circle" | "ring">, Point[]>> = {
  square: quarterTurns.map((angle) => turned({ x: 0.87, y: 0.87 }, angle)),
  triangle: starOutline(3, { outer: 1.08, inner: 0.54 }),
  star: starOutline(5, { outer: 1.08, inner: 0.5 }),
  cross: crossOutline(0.98, 0.36),
};

function starOutline(numTips: number, radii: { outer: number; inner: number }): Point[] {
  return Array.from({ length: 2 * numTips }, (_, index) => {
    const angle = (Math.PI * index) / numTips - Math.PI / 2;
    const radius = index % 2 === 0 ? radii.outer : radii.inner;
    return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
  });
}

function crossOutline(reach: number, halfWidth: number): Point[] {
  const arm = [
    { x: -halfWidth, y: -reach },
    { x: halfWidth, y: -reach },
    { x: halfWidth, y: -halfWidth },
  ];
  return quarterTurns.flatMap((angle) => arm.map((point) => turned(point, angle)));
}

function turned({ x, y }: Point, angle: number): Point {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return { x: x * cos - y * sin, y: x * sin + y * cos };
}

function outlineOf({ shape, center, radius, rotation }: Figure): Point[] {
  if (isRound(shape)) return [];
  return unitOutlines[shape].map((corner) => {
    const { x, y } = turned(corner, rotation);
    return { x: center.x + x * radius, y: center.y + y * radius };
  });
}

/** The smallest box of whole pixels around a figure. */
function boxOf(figure: Figure): Box {
  const { center, radius, shape } = figure;
  const reach = radius * (shape === "ring" ? RING_RADII.outer : CIRCLE_RADIUS);
  const corners = isRound(shape)
    ? [
        { x: center.x - reach, y: center.y - reach },
        { x: center.x + reach, y: center.y + reach },
      ]
    : outlineOf(figure);
  const x = Math.floor(Math.min(...corners.map((corner) => corner.x)));
  const y = Math.floor(Math.min(...corners.map((corner) => corner.y)));
  const right = Math.ceil(Math.max(...corners.map((corner) => corner.x)));
  const bottom = Math.ceil(Math.max(...corners.map((corner) => corner.y)));
  return { x, y, width: right - x, height: bottom - y };
}

/** Signed distance in pixels to a figure's edge: negative inside. */
function distanceFunction(figure: Figure): (point: Point) => number {
  const { center, radius, shape } = figure;
  if (!isRound(shape)) return polygonDistance(outlineOf(figure));
  const { outer, inner } = shape === "ring" ? RING_RADII : { outer: CIRCLE_RADIUS, inner: -1 };
  return ({ x, y }) => {
    const fromCenter = Math.hypot(x - center.x, y - center.y);
    return Math.max(fromCenter - outer * radius, inner * radius - fromCenter);
  };
}

function polygonDistance(corners: readonly Point[]): (point: Point) => number {
  const edges = corners.map((start, index) => {
    const end = corners[(index + 1) % corners.length] ?? start;
    return { start, dx: end.x - start.x, dy: end.y - start.y };
  });
  return (point) => {
    let nearest = Infinity;
    let isInside = false;
    for (const { start, dx, dy } of edges) {
      const [x, y] = [point.x - start.x, point.y - start.y];
      const along = Math.min(1, Math.max(0, (x * dx + y * dy) / (dx * dx + dy * dy)));
      nearest = Math.min(nearest, Math.hypot(x - along * dx, y - along * dy));
      // The even-odd rule: a ray to the right crosses this edge.
      const crosses = y < 0 !== y - dy < 0 && x < (dx * y) / dy;
      if (crosses) isInside = !isInside;
    }
    return isInside ? -nearest : nearest;
  };
}
