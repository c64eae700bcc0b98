"""Contains all the data models used in inputs/outputs"""

from .batch import Batch
from .batch_state_enum import BatchStateEnum
from .batches_results_retrieve_as import BatchesResultsRetrieveAs
from .correction import Correction
from .correction_state_enum import CorrectionStateEnum
from .data_url import DataUrl
from .digit import Digit
from .error import Error
from .flag import Flag
from .many import Many
from .model_version import ModelVersion
from .paginated_batch_list import PaginatedBatchList
from .paginated_prediction_list import PaginatedPredictionList
from .picture import Picture
from .prediction import Prediction
from .predictions_image_retrieve_size import PredictionsImageRetrieveSize
from .predictions_list_source import PredictionsListSource
from .result import Result
from .sent_source_enum import SentSourceEnum
from .source_enum import SourceEnum

__all__ = (
    "Batch",
    "BatchesResultsRetrieveAs",
    "BatchStateEnum",
    "Correction",
    "CorrectionStateEnum",
    "DataUrl",
    "Digit",
    "Error",
    "Flag",
    "Many",
    "ModelVersion",
    "PaginatedBatchList",
    "PaginatedPredictionList",
    "Picture",
    "Prediction",
    "PredictionsImageRetrieveSize",
    "PredictionsListSource",
    "Result",
    "SentSourceEnum",
    "SourceEnum",
)
