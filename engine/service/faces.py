"""Faces, restored by a network where a person marked them and consented to each."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.runtime.worker import Lane, Work
from engine.service.core import Report, in_sentences, settled, steps_in_sentences
from engine.service.packaging import Packaging
from engine.types import Event, EventObject, FaceOrder, FacesRestored, ImageRef, ModelCard, Progress, Recipe

if TYPE_CHECKING:
    from engine.export.faces import Job
    from engine.rendering.foreign import Foreign


class Faces(Packaging):
    """Restorations with faces as files, in the queue."""

    def restore_faces(
        self, image: ImageRef, recipe: Recipe, wish: FaceOrder, on_progress: Report
    ) -> Work[FacesRestored]:
        """Restores the whole image by its recipe and the marked faces by a network for faces, and exports the result.

        Every face and its consent is in the file's provenance and in the logs of the open projects with this image.
        """

        homes = self._homes(image)

        def steps() -> Generator[Progress | None, None, FacesRestored]:
            from engine.export.faces import Job, export_faces
            from engine.export.orders import Order
            from engine.rendering.faces import must_be_usable

            studio = self._studio()
            path, card = studio.find_face_network(wish.model)
            self._allowed(image, recipe, homes.result())
            source = yield from self._proven(image)
            yield from self._equipped(recipe)
            pen = (yield from self._pen("")) if wish.export.sign else None
            pipeline = self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            must_be_usable(subject, [face.region for face in wish.faces])
            network = yield from self._face_network(path, card)
            notes = pipeline.notes(subject.recipe)
            place = self._place(image)
            order = Order(subject, place, wish.export, studio.ready, notes, pen=pen, card=pipeline.card)
            job = Job(network, card, wish)
            done = yield from export_faces(order, self._tools(pipeline), job)
            return (yield from self._consents_logged(image, subject.recipe, job, done))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)

    def _face_network(self, path: Path, card: ModelCard) -> Generator[None, None, Foreign]:
        """The network, loaded in small steps for this job alone: it takes hundreds of megabytes."""
        from engine.rendering.studio import community

        device = self._studio().device.device
        load: Callable[[], Foreign] = in_sentences(lambda: community().load(path, card, device))
        return (yield from settled(self._io.submit(load)))

    def _consents_logged(
        self, image: ImageRef, recipe: Recipe, job: Job, done: FacesRestored
    ) -> Generator[None, None, FacesRestored]:
        """Keeps an event a face in the projects' audit logs; where one cannot be written, the result says so."""
        from engine.export.faces import facts

        if not done.faces:
            return done
        deaf = [project.name for project, _ in self._desk.homes_of(image.sha256) if not project.writable]
        if deaf:
            told = f"The log of “{', '.join(deaf)}”, read-only here, does not tell of the consents; the file does."
            done = replace(done, restored=replace(done.restored, notices=(*done.restored.notices, told)))
        master, target = self._place(image), Path(done.restored.output)
        about = (EventObject(master.name, image.sha256, image.size), EventObject(target.name, role="outcome"))
        try:
            for fact in facts(job):
                note = (
                    f"A face in {master.name} was replaced by the network {job.card.id} in {target.name}; "
                    f"{fact['who']} consents: {fact['ground']}"
                )
                details = {"face": fact, "recipe": recipe.to_json()}
                yield from self._record(image, Event("modification", note, objects=about, details=details))
        except EngineError as error:
            told = f"The project’s log does not tell of every consent, but the file does: {error}"
            return replace(done, restored=replace(done.restored, notices=(*done.restored.notices, told)))
        return done
