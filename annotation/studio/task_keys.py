"""The keys of a project's tasks, for push: what is there already, and what is there twice."""

from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from tasks.models import Task


class TaskKeys(APIView):
    """`{"tasks": [[id, key, annotations], ...]}` of `?project=N`, for staff only.

    A key is null in a task that somebody else imported.
    """

    permission_classes = (IsAdminUser,)

    def get(self, request: Request) -> Response:
        """Three columns, read without building tasks."""
        project = request.query_params.get("project", "")
        if not project.isdecimal():
            return Response({"detail": "project must be a number"}, status=400)
        tasks = Task.objects.filter(project_id=int(project)).order_by("id")
        return Response({"tasks": list(tasks.values_list("id", "data__key", "total_annotations"))})
