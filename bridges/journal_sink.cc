#include "bridges/journal_sink.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "glog/logging.h"

namespace mycelium::bridges {
namespace {

// syslog(3): of INFO, WARNING, ERROR, FATAL.
constexpr int kPriorities[] = {6, 4, 3, 2};

class JournalSink : public google::LogSink {
 public:
  void send(google::LogSeverity severity, const char*, const char* file,
            int line, const google::LogMessageTime&, const char* message,
            size_t message_bytes) override {
    std::string text;
    for (const absl::string_view each :
         absl::StrSplit(absl::string_view(message, message_bytes), '\n')) {
      absl::StrAppend(&text, "<", kPriorities[severity], ">", each);
      if (severity == google::FATAL) {
        absl::StrAppend(&text, " (", file, ":", line, ")");
      }
      text += '\n';
    }
    // There is nowhere to say that the log cannot be written.
    if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
  }
};

}  // namespace

bool StandardErrorIsJournal() {
  const char* const stream = getenv("JOURNAL_STREAM");
  struct stat status;
  return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
         absl::StrCat(status.st_dev, ":", status.st_ino) == stream;
}

void LogToJournal() {
  FLAGS_logtostderr = false;
  FLAGS_stderrthreshold = google::NUM_SEVERITIES;
  for (const google::LogSeverity severity :
       {google::INFO, google::WARNING, google::ERROR, google::FATAL}) {
    google::SetLogDestination(severity, "");  // no files
  }
  static JournalSink sink;
  google::AddLogSink(&sink);
}

}  // namespace mycelium::bridges
