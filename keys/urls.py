from django.urls import path

from . import views

urlpatterns = [
    path("api-access/", views.api_access, name="api-access"),
    path("api-access/publishable/", views.publishable_key, name="publishable-key"),
    path("api-access/keys/<int:pk>/", views.key, name="key"),
    path("api-access/keys/<int:pk>/renew/", views.renew, name="key-renew"),
    path("api-access/keys/<int:pk>/revoke/", views.revoke, name="key-revoke"),
]
