// All metrics of the broker, with their names, as Prometheus reads them.
// docs/METRICS.md lists them; a test holds it equal.  Pure: reads the parts of
// a Broker and changes nothing.  Not thread-safe.
#ifndef MYCELIUM_BROKER_METRICS_H_
#define MYCELIUM_BROKER_METRICS_H_

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "broker/admin.h"

namespace mycelium::broker {

// Each family is there, in the same order, whether it has values yet or not.
std::vector<prometheus::MetricFamily> MetricFamilies(const AdminView& view);

// The same in the text exposition format 0.0.4.  Bounded: at most
// kAdminPageBytesMax bytes, since labels are of bounded number and length.
std::string MetricsText(const AdminView& view);

// The Content-Type of MetricsText.
inline constexpr char kMetricsContentType[] =
    "text/plain; version=0.0.4; charset=utf-8";

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_METRICS_H_
