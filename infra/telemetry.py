"""The one place that knows the OpenTelemetry SDK: where spans and metrics go.

The rest of the code speaks to the API, which does nothing until this has run.
The SDK comes with the extra ``telemetry`` and is imported only when wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from zhitong.exceptions import SettingsError
from zhitong.infra.settings import Settings

if TYPE_CHECKING:  # the extra may be absent at run time
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

Close = Callable[[], None]
"""Sends what is still held and ends the export; call it once, at the end."""

_EXPORTER = "opentelemetry.exporter.otlp.proto.http"


def set_up(settings: Settings) -> Close:
    """Export to the collector of *settings*; without one, do nothing."""
    if not settings.otlp_endpoint:
        return _nothing
    _require_extra()
    # Imported here: the extra is absent where nobody wants telemetry.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415
        PeriodicExportingMetricReader,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    # The exporters read OTEL_EXPORTER_OTLP_* themselves: headers, certificates.
    base = settings.otlp_endpoint.rstrip("/")
    spans, meters = providers(
        BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces")),
        PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics")),
    )
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(meters)
    return _closing(spans, meters)


def providers(
    processor: SpanProcessor, reader: MetricReader
) -> tuple[TracerProvider, MeterProvider]:
    """Build the providers of this gateway; OTEL_SERVICE_NAME may rename it."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.resources import (  # noqa: PLC0415
        OTELResourceDetector,
        Resource,
    )
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    named = Resource.create({"service.name": "zhitong"})
    resource = named.merge(OTELResourceDetector().detect())
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(processor)
    return spans, MeterProvider(metric_readers=[reader], resource=resource)


def _require_extra() -> None:
    try:
        found = find_spec("opentelemetry.sdk") and find_spec(_EXPORTER)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise SettingsError(
            "设置了 OTEL_EXPORTER_OTLP_ENDPOINT，但未安装遥测组件，"
            "请执行 pip install 'zhitong[telemetry]'，或删除该变量。",
            "OTEL_EXPORTER_OTLP_ENDPOINT is set but the extra is not installed: "
            "pip install 'zhitong[telemetry]', or unset the variable.",
        )


def _closing(spans: TracerProvider, meters: MeterProvider) -> Close:
    def close() -> None:
        spans.shutdown()
        meters.shutdown()

    return close


def _nothing() -> None:
    """End nothing."""
