// Ctrl-C, SIGTERM, and a reader of standard output that has left (head), as
// something to wait for.  A second Ctrl-C ends the process at once.
// Thread-safe; one at a time, for it owns the two signals while it lives.
#ifndef MYCELIUM_CLIENT_CLI_STOP_SIGNAL_H_
#define MYCELIUM_CLIENT_CLI_STOP_SIGNAL_H_

namespace mycelium::cli {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // True once it has come, and ever after; false when the time is over.
  // timeout_ms -1: waits without end.
  bool Wait(int timeout_ms) const;

  // Readable once it has come, for a poll of one's own; of standard output it
  // knows nothing.
  int descriptor() const { return read_descriptor_; }

  // As if a signal had come.
  void Raise();

 private:
  int read_descriptor_;
};

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_STOP_SIGNAL_H_
