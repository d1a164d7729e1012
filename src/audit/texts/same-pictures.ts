import type { Identities } from "../identity/identities.ts";
import type { ProtectedTexts, TextScene } from "./protected-texts.ts";

/** With more members, those of an entry are looked up by their pictures. */
const MAX_LOOKED_THROUGH = 32;
const none: readonly number[] = [];

/** Finds, among equal texts, those that are of a training scene's pictures. */
export class SamePictures {
  readonly #texts: ProtectedTexts;
  readonly #identities: Identities;
  /** Of entries with many members, these by the identities of their pictures. */
  readonly #byIdentity = new Map<number, ReadonlyMap<number, readonly number[]>>();

  constructor(texts: ProtectedTexts, identities: Identities) {
    this.#texts = texts;
    this.#identities = identities;
  }

  /** The members of the entry with a picture that is one of the scene's, by any chain; ascending. */
  among(entry: number, scene: TextScene): readonly number[] {
    const identities = this.#identitiesNear(scene);
    const members = this.#texts.membersOf(entry);
    if (members.length <= MAX_LOOKED_THROUGH) {
      return Array.from(members).filter((text) =>
        this.#identitiesOf(this.#texts.sceneOf(text)).some((identity) => identities.has(identity)),
      );
    }
    const byIdentity = this.#indexOf(entry, members);
    const found = Array.from(identities, (identity) => byIdentity.get(identity) ?? none).flat();
    return Array.from(new Set(found)).toSorted((a, b) => a - b);
  }

  #indexOf(entry: number, members: Uint32Array): ReadonlyMap<number, readonly number[]> {
    const known = this.#byIdentity.get(entry);
    if (known !== undefined) return known;
    const index = new Map<number, number[]>();
    for (const text of members) {
      for (const identity of new Set(this.#identitiesOf(this.#texts.sceneOf(text)))) {
        const texts = index.get(identity);
        if (texts === undefined) index.set(identity, [text]);
        else texts.push(text);
      }
    }
    this.#byIdentity.set(entry, index);
    return index;
  }

  /** The identities of the scene's pictures, and those that one verified pair joins with them. */
  #identitiesNear(scene: TextScene): ReadonlySet<number> {
    const near = new Set<number>();
    for (const identity of this.#identitiesOf(scene)) {
      near.add(identity);
      for (const neighbour of this.#identities.neighboursOf(identity) ?? none) near.add(neighbour);
    }
    return near;
  }

  #identitiesOf({ pictures }: TextScene): readonly number[] {
    return pictures.map((picture) => this.#identities.identityOf(picture));
  }
}
