"""Everything the window shows, built once and handed over as one value."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge
from archivist_app.state.assessing import Assessing
from archivist_app.state.corners import Corners
from archivist_app.state.custody import Custody
from archivist_app.state.document import Document
from archivist_app.state.export_choice import ExportChoice
from archivist_app.state.export_jobs import ExportJobs
from archivist_app.state.exporting import Exporter
from archivist_app.state.face_jobs import FaceJobs
from archivist_app.state.jobs_model import JobsModel
from archivist_app.state.maps import Maps
from archivist_app.state.mask_editing import MaskEditor
from archivist_app.state.models import Models
from archivist_app.state.optimising import Optimiser
from archivist_app.state.own_styles import OwnStyles
from archivist_app.state.preferences import Preferences
from archivist_app.state.project_rules import ProjectRules
from archivist_app.state.recovery import Recovery
from archivist_app.state.rendering import Rendering
from archivist_app.state.sampling import Sampler
from archivist_app.state.session import Session
from archivist_app.state.styles_model import StylesModel
from archivist_app.state.thumbnails import Thumbnails
from archivist_app.state.truth import Truth
from archivist_app.state.tuning import Tuner
from archivist_app.state.unfinished import Unfinished
from archivist_app.state.variants import Variants


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """The parts below the window; they know nothing of it."""

    tasks: Tasks
    bridge: Bridge
    document: Document
    session: Session
    custody: Custody
    recovery: Recovery
    assessing: Assessing
    rendering: Rendering
    truth: Truth
    maps: Maps
    mask: MaskEditor
    variants: Variants
    sampler: Sampler
    preferences: Preferences
    thumbnails: Thumbnails
    styles: StylesModel
    own_styles: OwnStyles
    models: Models
    corners: Corners
    jobs: JobsModel
    exporter: Exporter
    rules: ProjectRules
    export_choice: ExportChoice
    export_jobs: ExportJobs
    unfinished: Unfinished
    optimiser: Optimiser
    faces: FaceJobs
    tuner: Tuner

    @classmethod
    def build(cls, bridge: Bridge, tasks: Tasks, preferences: Preferences, owner: QObject) -> Workspace:
        """`owner` is the parent of every QObject made here."""
        document = Document(owner)
        session = Session(document, bridge, tasks, owner)
        jobs = JobsModel(owner)
        exporter = Exporter(session, bridge, jobs, tasks)
        custody = Custody(session, bridge, jobs, tasks)
        exporter.master_changed.connect(custody.doubt)
        export_jobs = ExportJobs(session, bridge, jobs, tasks)
        export_jobs.master_changed.connect(custody.doubt)
        thumbnails = Thumbnails(document, bridge, owner)  # first to hear of another image
        styles = StylesModel(document, bridge, thumbnails, preferences, owner)
        models = Models(session, bridge, jobs, tasks)
        return cls(
            tasks=tasks,
            bridge=bridge,
            document=document,
            session=session,
            custody=custody,
            recovery=Recovery(session, bridge, tasks),
            assessing=Assessing(session),
            rendering=Rendering(document, bridge, owner),
            truth=Truth(session, bridge, tasks),
            maps=Maps(document, bridge, owner),
            mask=MaskEditor(session, bridge, tasks),
            variants=Variants(session, bridge),
            sampler=Sampler(session, bridge),
            preferences=preferences,
            thumbnails=thumbnails,
            styles=styles,
            own_styles=OwnStyles(session, styles, bridge, jobs, tasks),
            models=models,
            corners=Corners(document, thumbnails, owner),
            jobs=jobs,
            exporter=exporter,
            rules=ProjectRules(session, tasks),
            export_choice=ExportChoice(session, bridge, preferences, tasks),
            export_jobs=export_jobs,
            unfinished=Unfinished(exporter, bridge, jobs),
            optimiser=Optimiser(session, exporter, bridge, jobs, tasks),
            faces=FaceJobs(session, exporter, models, bridge, jobs, tasks),
            tuner=Tuner(session, bridge, jobs, tasks),
        )

    def stop(self) -> None:
        """Nothing here starts anything by itself any more."""
        self.rendering.stop()
        self.maps.stop()
        self.mask.close()
        self.variants.stop()
        self.sampler.stop()
        self.styles.stop()
        self.corners.stop()
        self.thumbnails.stop()
        self.export_choice.stop()
