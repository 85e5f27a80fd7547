"""The image on screen: which one, with what recipe, and which part of it is looked at."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from engine.types import ImageRef, Recipe, StyleCard, View


class Document(QObject):
    """A change is a new value: assign `recipe` or `view`, and whoever listens is told once."""

    image_changed = Signal(object)  # ImageRef | None
    recipe_changed = Signal(object)  # Recipe
    view_changed = Signal(object)  # View

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._image: ImageRef | None = None
        self._recipe = Recipe()
        self._view: View | None = None

    @property
    def image(self) -> ImageRef | None:
        """The image on screen, if any."""
        return self._image

    @property
    def recipe(self) -> Recipe:
        """The settings of the image on screen."""
        return self._recipe

    @recipe.setter
    def recipe(self, recipe: Recipe) -> None:
        """The settings of the image on screen."""
        if recipe != self._recipe:
            self._recipe = recipe
            self.recipe_changed.emit(recipe)

    @property
    def view(self) -> View | None:
        """What is looked at; None until the viewer knows."""
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        """What is looked at; None until the viewer knows."""
        if view != self._view:
            self._view = view
            self.view_changed.emit(view)

    def show_image(self, image: ImageRef | None, recipe: Recipe) -> None:
        """Another image with its recipe; the view comes later, when its picture has been read."""
        self._image, self._view = image, None
        self._recipe = recipe
        self.image_changed.emit(image)
        self.recipe_changed.emit(recipe)


def styled(recipe: Recipe, card: StyleCard | None) -> Recipe:
    """The recipe in a style, or in none. A style is meant to be seen: beta becomes 1 if it was off."""
    if card is None:
        return replace(recipe, style=None, beta=0.0)
    return replace(recipe, style=card.id, beta=recipe.beta or 1.0)
