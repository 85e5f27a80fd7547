"""A recipe in words that a reading room understands."""

from __future__ import annotations

from collections.abc import Collection

from engine.types.recipe import Recipe


def recipe_in_words(recipe: Recipe, style: str = "", ignored: Collection[str] = ()) -> tuple[str, ...]:
    """One phrase a setting, the most important first, without those its model does not have; `style` is the style's
    title where it is known."""
    faithful = (
        "invents nothing" if recipe.alpha >= 5 else "plausible detail is added" if recipe.alpha < 1 else "balanced"
    )
    said = [] if "alpha" in ignored else [f"Faithfulness α {recipe.alpha:g} ({faithful})"]
    if "beta" in ignored:
        pass
    elif recipe.beta > 0:
        said.append(f"Style β {recipe.beta:g}: {style or recipe.style or 'none chosen'}")
    else:
        said.append("No style (β 0)")
    where = "the whole picture" if recipe.scope == "whole" else "damage only"
    if recipe.scope == "damage":
        where += ", as marked by a person" if recipe.mask else ", as the model found it"
    said.append(f"Applied to {where}, at {100 * recipe.strength:.0f} % strength")
    said.append("Fading and colour cast kept" if recipe.keep_tone else "Fading and colour cast corrected")
    if recipe.grain:
        said.append(f"{100 * recipe.grain:.0f} % of the removed grain put back")
    if recipe.thorough:
        said.append("Looked at in eight positions, turned and mirrored, and averaged")
    if recipe.scale > 1:
        said.append(f"Enlarged {recipe.scale} times")
    return tuple(said)
