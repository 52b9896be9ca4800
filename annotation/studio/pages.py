"""Small pages of ours that need no module of their own."""

from django.http import HttpRequest, JsonResponse


def health(request: HttpRequest) -> JsonResponse:
    """That our settings are in force, not merely that Label Studio answers."""
    return JsonResponse({"status": "UP"})


def no_tips(request: HttpRequest) -> JsonResponse:
    """Label Studio would fetch these from the internet."""
    return JsonResponse({})
