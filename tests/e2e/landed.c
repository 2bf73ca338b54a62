/* A disk that writes wrong: changes the last byte of chosen new objects of a store, just before they are synced.
   Preloaded (LD_PRELOAD) by tests/e2e/landed.rs.
   FLIP_BELOW       folder of the store              FLIP_NTH  number of the object from 0, -1 for all
   FLIP_FROM_BYTES  smaller ones are not counted     FLIP_LOG  a line for each that was changed */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int seen;

static int is_new_object(int fd, char *path) {
    char link[64];
    const char *below = getenv("FLIP_BELOW");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0 || !below) return 0;
    path[length] = 0;
    if (strncmp(path, below, strlen(below)) || !strstr(path, "/.tmp-")) return 0;
    struct stat stat;
    return !fstat(fd, &stat) && stat.st_size >= atol(getenv("FLIP_FROM_BYTES"));
}

static void flip_last_byte(const char *path) {
    struct stat stat;
    unsigned char byte;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 || fstat(file, &stat) || stat.st_size == 0) abort();
    if (pread(file, &byte, 1, stat.st_size - 1) != 1) abort();
    byte ^= 1;
    if (pwrite(file, &byte, 1, stat.st_size - 1) != 1) abort();
    close(file);
    int log = open(getenv("FLIP_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || write(log, "flipped\n", 8) != 8) abort();
    close(log);
}

int fsync(int fd) {
    static int (*real)(int);
    char path[PATH_MAX];
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (is_new_object(fd, path)) {
        int wanted = atoi(getenv("FLIP_NTH"));
        int number = atomic_fetch_add(&seen, 1);
        if (wanted < 0 || wanted == number) flip_last_byte(path);
    }
    return real(fd);
}
