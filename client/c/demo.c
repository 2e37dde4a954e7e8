/*
 * Publishes, subscribes and asks, in one program.
 *
 *   cc demo.c $(pkg-config --cflags --libs mycelium) -o demo
 *   ./demo                      in process, without a broker
 *   ./demo unix:/path           or tcp://host:port, through one
 */
#include <mycelium.h>
#include <stdio.h>

#define WEATHER 7
#define QUESTION 8
#define ANSWER 9
#define TIMEOUT_MS 10000

static int failed(const char* what) {
  fprintf(stderr, "%s: %s\n", what, mycelium_last_error());
  return 1;
}

static void on_reply(mycelium_status status, const char* error,
                     const mycelium_message* reply, void* user_data) {
  (void)user_data;
  if (status != MYCELIUM_OK) {
    printf("no answer: %s (%s)\n", error, mycelium_status_text(status));
    return;
  }
  printf("the answer is %.*s\n", (int)reply->payload_bytes,
         (const char*)reply->payload);
}

static void on_question(const mycelium_message* question,
                        mycelium_respondent* respondent, void* user_data) {
  (void)user_data;
  printf("somebody asks %.*s\n", (int)question->payload_bytes,
         (const char*)question->payload);
  if (mycelium_reply(respondent, ANSWER, "42", 2) != MYCELIUM_OK) {
    failed("reply");
  }
}

static int publish_and_take(mycelium_runtime* runtime) {
  mycelium_subscribe_options options;
  mycelium_subscription* subscription;
  mycelium_item item;

  mycelium_subscribe_options_init(&options);
  options.type_id = WEATHER;
  options.topic_filter = "weather.>";
  if (mycelium_subscribe_with(runtime, &options, &subscription) !=
      MYCELIUM_OK) {
    return failed("subscribe");
  }
  if (mycelium_publish_topic(runtime, WEATHER, "weather.berlin", "rain", 4,
                             TIMEOUT_MS) != MYCELIUM_OK) {
    return failed("publish");
  }
  if (mycelium_next(subscription, TIMEOUT_MS, &item) != MYCELIUM_OK) {
    return failed("next");
  }
  if (item.message != NULL) {
    printf("%s: %.*s\n", item.message->topic, (int)item.message->payload_bytes,
           (const char*)item.message->payload);
  } else {
    printf("%lu ranges of messages were missed\n",
           (unsigned long)item.gap->ranges_count);
  }
  return mycelium_unsubscribe(subscription) == MYCELIUM_OK
             ? 0
             : failed("unsubscribe");
}

static int ask(mycelium_runtime* runtime) {
  mycelium_subscribe_options options;
  mycelium_subscription* responder;

  mycelium_subscribe_options_init(&options);
  options.type_id = QUESTION;
  options.delivery = MYCELIUM_DELIVERY_QUEUED;
  if (mycelium_respond(runtime, &options, on_question, &responder) !=
      MYCELIUM_OK) {
    return failed("respond");
  }
  if (mycelium_request_wait(runtime, QUESTION, NULL, "the question", 12,
                            TIMEOUT_MS, on_reply, NULL) != MYCELIUM_OK) {
    return failed("request");
  }
  return mycelium_unsubscribe(responder) == MYCELIUM_OK ? 0
                                                        : failed("unsubscribe");
}

int main(int argc, char** argv) {
  mycelium_runtime* runtime =
      mycelium_runtime_connect(argc > 1 ? argv[1] : "inproc:", NULL);
  int failures;

  if (runtime == NULL) return failed("connect");
  failures = publish_and_take(runtime) + ask(runtime);
  if (mycelium_runtime_destroy(runtime) != MYCELIUM_OK) {
    return failed("destroy");
  }
  return failures == 0 ? 0 : 1;
}
