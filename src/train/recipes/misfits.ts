import { ConfigError } from "../../core/errors.ts";
import { swinOutputShape } from "../../models/swin/stages.ts";
import type { TrainingRecipe, VisualParsingRecipe } from "../recipe.ts";

/** Values of a recipe that do not go together; `path` names one of them. */
export interface Misfit {
  readonly path: string;
  readonly message: string;
}

interface Demand extends Misfit {
  readonly isMet: boolean;
}

/** Everything that keeps a model from being built or trained though each value is in its own range. */
export function misfits(recipe: TrainingRecipe): Misfit[] {
  const demands = [...visualDemands(recipe), ...transformerDemands(recipe)];
  const unmet = demands.filter(({ isMet }) => !isMet);
  return unmet.map(({ path, message }) => ({ path, message }));
}

function visualDemands({ model, objectives }: VisualParsingRecipe): Demand[] {
  try {
    const { isGlobal, tokens } = swinOutputShape(model.swin);
    const { mfrMaskedTokens } = objectives;
    return [
      {
        isMet: isGlobal,
        path: "model.swin.windowSize",
        message: `the last stage's ${tokens} tokens lie in several windows, so there is no global attention to rank`,
      },
      {
        isMet: mfrMaskedTokens <= tokens,
        path: "objectives.mfrMaskedTokens",
        message: `${mfrMaskedTokens} of ${tokens} visual tokens cannot be masked`,
      },
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ isMet: false, path: "model.swin", message: error.message }];
  }
}

function transformerDemands({ data, model }: TrainingRecipe): Demand[] {
  const { heads, hiddenSize, maxPositions } = model.transformer;
  return [
    {
      isMet: hiddenSize % heads === 0,
      path: "model.transformer.heads",
      message: `${heads} heads cannot share ${hiddenSize} channels evenly`,
    },
    {
      isMet: hiddenSize % 4 === 0,
      path: "model.transformer.hiddenSize",
      message: `${hiddenSize} is no multiple of 4, which the sine positions need`,
    },
    {
      isMet: data.maxTextTokens <= maxPositions,
      path: "data.maxTextTokens",
      message: `${data.maxTextTokens} tokens, but there are ${maxPositions} positions (model.transformer.maxPositions)`,
    },
  ];
}
