"""Our pages in front of Label Studio's: what is listed here shadows theirs."""

from django.conf.urls import include
from django.urls import path, re_path

from annotation.studio import (
    annotation_pages,
    ask_user,
    assets_view,
    landing,
    media,
    pages,
    progress,
    recorder,
    task_keys,
)

urlpatterns = [
    path("pixmo/health", pages.health),
    path("pixmo/", landing.landing),
    path("pixmo/guidelines/<int:project>", landing.guidelines),
    re_path(r"^pixmo/pictures/(?P<name>[^?]*)$", media.picture),
    re_path(r"^pixmo/sounds/(?P<name>[^?]*)$", media.sound),
    path("pixmo/recorder", recorder.page),
    path("pixmo/recorder/token", recorder.token),
    path("pixmo/recordings", recorder.start),
    path("pixmo/recordings/kept", recorder.kept),
    path("pixmo/recordings/<str:recording_id>/chunks/<int:number>", recorder.chunk),
    path("pixmo/recordings/<str:recording_id>/finish", recorder.finish),
    path("pixmo/recordings/<str:recording_id>/sound", recorder.sound),
    path("pixmo/assets/<str:name>", assets_view.asset),
    path("pixmo/tasks", task_keys.TaskKeys.as_view()),
    path("pixmo/progress", progress.progress),
    path("pixmo/annotations", annotation_pages.annotations),
    path("api/ml/<int:pk>/interactive-annotating", ask_user.AskWithUser.as_view()),
    path("heidi-tips/", pages.no_tips),
    re_path("", include("label_studio.core.urls")),
]
