/* Loaded before the C library: counts the calls that change files whose path starts with FAULT_BELOW, and lets the FAULT_AT-th fail.
 * FAULT is kill (SIGKILL before the call), torn (SIGKILL after half of a write), or the error of a full disk (ENOSPC), a broken one
 * (EIO) or one that cannot be written to (EROFS). A full disk stays full for writes, and a disk that cannot be written to stays so for
 * every call; a broken one fails once. Each call is noted in FAULT_LOG, one byte each. Where FAULT is ENOLCK there are no locks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { TAKES_ROOM = 1, CHANGES = 2 };

static atomic_long calls;

static int is_below(const char *path) {
    const char *below = getenv("FAULT_BELOW");
    return below && path && strncmp(path, below, strlen(below)) == 0;
}

static int is_file_below(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static int is(const char *fault) {
    const char *asked = getenv("FAULT");
    return asked && strcmp(asked, fault) == 0;
}

static void note(void) {
    const char *log = getenv("FAULT_LOG");
    if (!log) return;
    long file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    syscall(SYS_write, file, ".", 1);
    syscall(SYS_close, file);
}

/* The error that the call fails with, 0 for none, -1 for a write that is torn. */
static int fault(int kind) {
    const char *at = getenv("FAULT_AT");
    long wanted = at ? atol(at) : 0, now = ++calls;
    note();
    if (wanted == 0 || now < wanted) return 0;
    if (is("kill") || (is("torn") && !(kind & TAKES_ROOM))) raise(SIGKILL);
    if (is("torn")) return -1;
    if (is("ENOSPC") && kind & TAKES_ROOM) return ENOSPC;
    if (is("EIO") && now == wanted) return EIO;
    if (is("EROFS") && kind & CHANGES) return EROFS;
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAILS(kind) \
    int error = fault(kind); \
    if (error > 0) { errno = error; return -1; }

ssize_t write(int file, const void *bytes, size_t length) {
    if (is_file_below(file)) {
        FAILS(TAKES_ROOM | CHANGES)
        if (error < 0) {
            REAL(write)(file, bytes, length / 2);
            raise(SIGKILL);
        }
    }
    return REAL(write)(file, bytes, length);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (is_file_below(file)) {
        FAILS(TAKES_ROOM | CHANGES)
        if (error < 0) {
            REAL(writev)(file, parts, count / 2);
            raise(SIGKILL);
        }
    }
    return REAL(writev)(file, parts, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    if (is_file_below(file)) {
        FAILS(TAKES_ROOM | CHANGES)
        if (error < 0) {
            REAL(pwrite64)(file, bytes, length / 2, at);
            raise(SIGKILL);
        }
    }
    return REAL(pwrite64)(file, bytes, length, at);
}

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *to_at, size_t length, unsigned flags) {
    if (is_file_below(to)) {
        FAILS(TAKES_ROOM | CHANGES)
        if (error < 0) {
            REAL(copy_file_range)(from, at, to, to_at, length / 2, flags);
            raise(SIGKILL);
        }
    }
    return REAL(copy_file_range)(from, at, to, to_at, length, flags);
}

int fsync(int file) {
    if (is_file_below(file)) { FAILS(0) }
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    if (is_file_below(file)) { FAILS(0) }
    return REAL(fdatasync)(file);
}

int ftruncate64(int file, off64_t length) {
    if (is_file_below(file)) { FAILS(CHANGES) }
    return REAL(ftruncate64)(file, length);
}

int flock(int file, int operation) {
    if (is("ENOLCK") && is_file_below(file)) {
        errno = ENOLCK;
        return -1;
    }
    return REAL(flock)(file, operation);
}

int rename(const char *from, const char *to) {
    if (is_below(from)) { FAILS(CHANGES) }
    return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
    if (is_below(path)) { FAILS(TAKES_ROOM | CHANGES) }
    return REAL(mkdir)(path, mode);
}

int unlink(const char *path) {
    if (is_below(path)) { FAILS(CHANGES) }
    return REAL(unlink)(path);
}

int rmdir(const char *path) {
    if (is_below(path)) { FAILS(CHANGES) }
    return REAL(rmdir)(path);
}

/* A path that does not begin at the root begins at the folder. */
int unlinkat(int folder, const char *path, int flags) {
    if (path[0] == '/' ? is_below(path) : is_file_below(folder)) { FAILS(CHANGES) }
    return REAL(unlinkat)(folder, path, flags);
}

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    if (is_below(path) && (flags & O_ACCMODE) != O_RDONLY) { FAILS(flags & O_CREAT ? TAKES_ROOM | CHANGES : CHANGES) }
    return REAL(open64)(path, flags, mode);
}
