// SPDX-License-Identifier: Apache-2.0
//
// jvm_main LIBJVM: loads a Java virtual machine, stops itself so that a debugger can look at the library, starts the
// machine without a compiler, and ends.
#include <dlfcn.h>
#include <jni.h>
#include <signal.h>
#include <stdio.h>

typedef jint (*Create)(JavaVM**, void**, void*);

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  if (library == NULL) return 3;
  raise(SIGSTOP);
  Create create = (Create)dlsym(library, "JNI_CreateJavaVM");
  JavaVMOption options[] = {{.optionString = "-Xint"},
                            {.optionString = "-Xshare:off"},
                            {.optionString = "-XX:+UseSerialGC"},
                            {.optionString = "-XX:-UsePerfData"},
                            {.optionString = "-Xmx64m"}};
  JavaVMInitArgs arguments = {JNI_VERSION_10, sizeof(options) / sizeof(options[0]), options, JNI_FALSE};
  JavaVM* machine = NULL;
  JNIEnv* env = NULL;
  if (create == NULL || create(&machine, (void**)&env, &arguments) != JNI_OK) return 4;
  jclass text = (*env)->FindClass(env, "java/lang/String");
  jmethodID length = (*env)->GetMethodID(env, text, "length", "()I");
  jstring hello = (*env)->NewStringUTF(env, "hello");
  printf("%d\n", (*env)->CallIntMethod(env, hello, length));
  fflush(stdout);
  return 0;
}
