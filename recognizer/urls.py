from django.contrib.auth.views import LogoutView
from django.urls import include, path

from . import review, views

urlpatterns = [
    path("", views.draw, name="draw"),
    path("upload/", views.upload, name="upload"),
    path("history/", views.history, name="history"),
    path("history/export/", views.export_history, name="history-export"),
    path("history/erase/", views.erase_history, name="history-erase"),
    path("predictions/<int:pk>/", views.prediction, name="prediction"),
    path("predictions/<int:pk>/frames/", views.prediction_frames, name="prediction-frames"),
    path("predictions/<int:pk>/heat/", views.prediction_heat, name="prediction-heat"),
    path("predictions/<int:pk>/explanation/", views.prediction_explanation, name="prediction-explanation"),
    path("predictions/<int:pk>/flag/", views.flag_prediction, name="prediction-flag"),
    path("predictions/<int:pk>/delete/", views.delete_prediction, name="prediction-delete"),
    path("review/", review.queue, name="review"),
    path("review/<int:pk>/", review.decide, name="review-decide"),
    path("review/<int:pk>/image/", review.image, name="review-image"),
    path("about/", views.about, name="about"),
    path("about/mistakes/", views.about_mistakes, name="about-mistakes"),
    path(
        "accounts/",
        include(
            [
                path("login/", views.LogIn.as_view(), name="login"),
                path("logout/", LogoutView.as_view(), name="logout"),
                path("signup/", views.SignUp.as_view(), name="signup"),
                path("", views.account, name="account"),
                path("erase/", views.erase_account, name="account-erase"),
                path("password/", views.ChangePassword.as_view(), name="password-change"),
            ]
        ),
    ),
]
