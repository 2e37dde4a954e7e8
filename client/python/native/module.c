/* The module mycelium_native._native. */
#include "client/python/native/native.h"

native_types native;

PyObject* refuse_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  (void)args;
  (void)keywords;
  return PyErr_Format(PyExc_TypeError, "%R: made by a Runtime only", type);
}

static PyObject* before_fork(PyObject* module, PyObject* none) {
  (void)module;
  (void)none;
  threads_before_fork();
  Py_RETURN_NONE;
}

static PyObject* after_fork_in_parent(PyObject* module, PyObject* none) {
  (void)module;
  (void)none;
  threads_after_fork_in_parent();
  Py_RETURN_NONE;
}

static PyObject* after_fork_in_child(PyObject* module, PyObject* none) {
  (void)module;
  (void)none;
  if (threads_begin() < 0) return NULL;
  Py_RETURN_NONE;
}

static int add_type(PyObject* module, const char* name, PyTypeObject** type,
                    PyObject* made) {
  if (made == NULL) return -1;
  Py_XDECREF((PyObject*)*type);
  *type = (PyTypeObject*)made;
  return PyObject_SetAttrString(module, name, made);
}

static int find_values(void) {
  const struct {
    const char* name;
    PyObject** object;
  } all[] = {
      {"Error", &native.error},
      {"error_of", &native.error_of},
      {"request_error_of", &native.request_error_of},
      {"gap_of", &native.gap_of},
      {"state_of", &native.state_of},
      {"UnacceptedFrame", &native.unaccepted},
      {"MessageInfo", &native.message_info},
      {"BrokerInfo", &native.broker_info},
      {"Counters", &native.counters},
      {"settle", &native.settle},
      {"answer_later", &native.answer_later},
  };
  PyObject* values = PyImport_ImportModule("mycelium_native.values");
  if (values == NULL) return -1;
  int failed = 0;
  for (size_t i = 0; !failed && i < sizeof all / sizeof *all; ++i) {
    Py_XDECREF(*all[i].object);
    *all[i].object = PyObject_GetAttrString(values, all[i].name);
    failed = *all[i].object == NULL;
  }
  Py_DECREF(values);
  return failed ? -1 : 0;
}

/* module.function(...) */
static int call(const char* module_name, const char* function, PyObject* args,
                PyObject* keywords) {
  PyObject* module = PyImport_ImportModule(module_name);
  PyObject* callable =
      module != NULL ? PyObject_GetAttrString(module, function) : NULL;
  PyObject* result =
      callable != NULL ? PyObject_Call(callable, args, keywords) : NULL;
  Py_XDECREF(module);
  Py_XDECREF(callable);
  Py_XDECREF(result);
  return result != NULL ? 0 : -1;
}

static int register_ends(PyObject* module) {
  PyObject* names = PyObject_GetAttrString(module, "__dict__");
  if (names == NULL) return -1;
  PyObject* none = PyTuple_New(0);
  PyObject* at_exit =
      PyTuple_Pack(1, PyDict_GetItemString(names, "_close_all"));
  PyObject* at_fork = Py_BuildValue(
      "{sOsOsO}", "before", PyDict_GetItemString(names, "_before_fork"),
      "after_in_parent", PyDict_GetItemString(names, "_after_fork_in_parent"),
      "after_in_child", PyDict_GetItemString(names, "_after_fork_in_child"));
  const int failed = none == NULL || at_exit == NULL || at_fork == NULL ||
                     call("atexit", "register", at_exit, NULL) < 0 ||
                     call("os", "register_at_fork", none, at_fork) < 0;
  Py_DECREF(names);
  Py_XDECREF(none);
  Py_XDECREF(at_exit);
  Py_XDECREF(at_fork);
  return failed ? -1 : 0;
}

static int add_constants(PyObject* module) {
  PyObject* digest =
      PyBytes_FromStringAndSize((const char*)mycelium_builtin_schema_digest(),
                                MYCELIUM_SCHEMA_DIGEST_BYTES);
  const int failed =
      digest == NULL ||
      PyObject_SetAttrString(module, "BUILTIN_SCHEMA_DIGEST", digest) < 0 ||
      PyModule_AddStringConstant(module, "LIBRARY_VERSION",
                                 mycelium_version()) < 0;
  Py_XDECREF(digest);
  return failed ? -1 : 0;
}

/* PyGILState_Ensure, which callbacks need, knows the main interpreter alone. */
static int check_interpreter(void) {
  const int64_t number = PyInterpreterState_GetID(PyInterpreterState_Get());
  if (number == 0) return 0;
  PyErr_SetString(PyExc_ImportError,
                  "mycelium_native: imported in a subinterpreter, allowed in "
                  "the main one");
  return -1;
}

static int check_library(void) {
  const int version = mycelium_abi_version();
  if (version >= MYCELIUM_ABI_VERSION) return 0;
  PyErr_Format(PyExc_ImportError,
               "mycelium_native: libmycelium_ffi.so.0 of this process has the "
               "ABI version %d, allowed %d or more",
               version, MYCELIUM_ABI_VERSION);
  return -1;
}

static int execute(PyObject* module) {
  if (check_interpreter() < 0 || check_library() < 0 || find_values() < 0 ||
      add_type(module, "Codec", &native.codec, codec_make_type()) < 0 ||
      add_type(module, "Respondent", &native.respondent,
               respondent_make_type()) < 0 ||
      add_type(module, "Subscription", &native.subscription,
               subscription_make_type()) < 0 ||
      add_type(module, "Runtime", &native.runtime, runtime_make_type()) < 0 ||
      add_constants(module) < 0 || threads_begin() < 0 ||
      register_ends(module) < 0) {
    return -1;
  }
  return 0;
}

PyMODINIT_FUNC PyInit__native(void) {
  static PyMethodDef functions[] = {
      {"_close_all", runtime_close_all, METH_NOARGS, NULL},
      {"_before_fork", before_fork, METH_NOARGS, NULL},
      {"_after_fork_in_parent", after_fork_in_parent, METH_NOARGS, NULL},
      {"_after_fork_in_child", after_fork_in_child, METH_NOARGS, NULL},
      {NULL, NULL, 0, NULL}};
  static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};
  static PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                   "mycelium_native._native",
                                   NULL,
                                   0,
                                   functions,
                                   slots,
                                   NULL,
                                   NULL,
                                   NULL};
  return PyModuleDef_Init(&definition);
}
