"""Contains all the data models used in inputs/outputs"""

from .batch import Batch
from .batch_state_enum import BatchStateEnum
from .batches_results_retrieve_as import BatchesResultsRetrieveAs
from .correction import Correction
from .correction_state_enum import CorrectionStateEnum
from .crop_request import CropRequest
from .data_url_request import DataUrlRequest
from .digit import Digit
from .error import Error
from .flag_request import FlagRequest
from .ignored import Ignored
from .kind_enum import KindEnum
from .many_request import ManyRequest
from .model_version import ModelVersion
from .paginated_batch_list import PaginatedBatchList
from .paginated_prediction_list import PaginatedPredictionList
from .picture_request import PictureRequest
from .prediction import Prediction
from .predictions_image_retrieve_size import PredictionsImageRetrieveSize
from .predictions_list_digit import PredictionsListDigit
from .predictions_list_source import PredictionsListSource
from .preview import Preview
from .result import Result
from .sent_source_enum import SentSourceEnum
from .source_enum import SourceEnum
from .turn_enum import TurnEnum

__all__ = (
    "Batch",
    "BatchesResultsRetrieveAs",
    "BatchStateEnum",
    "Correction",
    "CorrectionStateEnum",
    "CropRequest",
    "DataUrlRequest",
    "Digit",
    "Error",
    "FlagRequest",
    "Ignored",
    "KindEnum",
    "ManyRequest",
    "ModelVersion",
    "PaginatedBatchList",
    "PaginatedPredictionList",
    "PictureRequest",
    "Prediction",
    "PredictionsImageRetrieveSize",
    "PredictionsListDigit",
    "PredictionsListSource",
    "Preview",
    "Result",
    "SentSourceEnum",
    "SourceEnum",
    "TurnEnum",
)
