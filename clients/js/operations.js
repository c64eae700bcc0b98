// Written by `make client` from the API's schema.
export const OPERATIONS = {
  "batches_list": [
    "GET",
    "/api/v1/batches/"
  ],
  "batches_create": [
    "POST",
    "/api/v1/batches/"
  ],
  "batches_retrieve": [
    "GET",
    "/api/v1/batches/{id}/"
  ],
  "batches_destroy": [
    "DELETE",
    "/api/v1/batches/{id}/"
  ],
  "batches_cancel_create": [
    "POST",
    "/api/v1/batches/{id}/cancel/"
  ],
  "batches_results_retrieve": [
    "GET",
    "/api/v1/batches/{id}/results/"
  ],
  "models_list": [
    "GET",
    "/api/v1/models/"
  ],
  "predictions_list": [
    "GET",
    "/api/v1/predictions/"
  ],
  "predictions_create": [
    "POST",
    "/api/v1/predictions/"
  ],
  "predictions_retrieve": [
    "GET",
    "/api/v1/predictions/{id}/"
  ],
  "predictions_destroy": [
    "DELETE",
    "/api/v1/predictions/{id}/"
  ],
  "predictions_crop_create": [
    "POST",
    "/api/v1/predictions/{id}/crop/"
  ],
  "predictions_flag_create": [
    "POST",
    "/api/v1/predictions/{id}/flag/"
  ],
  "predictions_flag_destroy": [
    "DELETE",
    "/api/v1/predictions/{id}/flag/"
  ],
  "predictions_image_retrieve": [
    "GET",
    "/api/v1/predictions/{id}/image/"
  ],
  "predictions_preview_create": [
    "POST",
    "/api/v1/predictions/preview/"
  ]
};
