from django.urls import path

from . import views

urlpatterns = [
    path("batches/", views.batches, name="batches"),
    path("batches/secret/", views.renew_secret, name="batches-secret"),
    path("batches/<int:pk>/", views.batch, name="batch"),
    path("batches/<int:pk>/pictures/<int:number>/", views.item_picture, name="batch-picture"),
    path("batches/<int:pk>/cancel/", views.cancel, name="batch-cancel"),
    path("batches/<int:pk>/erase/", views.erase, name="batch-erase"),
]
