// The log as the journal of systemd wants it: on standard error, with the
// priority in front of each line ("<4>", sd-daemon(3)) and without the time,
// which the journal has itself.
#ifndef MYCELIUM_BRIDGES_JOURNAL_SINK_H_
#define MYCELIUM_BRIDGES_JOURNAL_SINK_H_

namespace mycelium::bridges {

// Whether standard error is the journal ($JOURNAL_STREAM).
bool StandardErrorIsJournal();

// From now on the log goes there in this form alone.  After InitGoogleLogging;
// once.
void LogToJournal();

}  // namespace mycelium::bridges

#endif  // MYCELIUM_BRIDGES_JOURNAL_SINK_H_
