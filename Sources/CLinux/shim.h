// What Linux has beyond POSIX, and what Swift's Glibc module leaves out.
#pragma once
#include <malloc.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint32_t hmm_epoll_in = EPOLLIN;
static const uint32_t hmm_epoll_out = EPOLLOUT;
static const uint32_t hmm_epoll_error = EPOLLERR;
static const uint32_t hmm_epoll_hangup = EPOLLHUP;

static inline int hmm_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int hmm_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int hmm_epoll_control(int set, int operation, int fd, uint32_t events, uint64_t mark) {
    struct epoll_event event = {.events = events, .data = {.u64 = mark}};
    return epoll_ctl(set, operation, fd, &event);
}
// accept4() is declared only under _GNU_SOURCE, which would make this module's idea of libc differ from Glibc's.
static inline int hmm_accept(int fd, int flags) { return (int)syscall(SYS_accept4, fd, 0, 0, flags); }
// As accept4().
static inline int hmm_sync_file_system(int fd) { return (int)syscall(SYS_syncfs, fd); }
static inline void hmm_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
// Told once a change, for readers that take all there is.
static inline int hmm_epoll_watch_changes(int set, int fd, uint64_t mark) {
    return hmm_epoll_control(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLET, mark);
}
// Bit n of the set stands for processor n; returns 0, or -1 with errno.
static inline int hmm_affinity(void *set, size_t bytes) {
    return syscall(SYS_sched_getaffinity, 0, bytes, set) < 0 ? -1 : 0;
}
static inline void hmm_set_heap_thresholds(int mapping, int trim) {
    mallopt(M_MMAP_THRESHOLD, mapping);
    mallopt(M_TRIM_THRESHOLD, trim);
}
// struct ucred is declared only under _GNU_SOURCE. Returns 0, or -1 with errno.
static inline int hmm_peer_user(int fd, uint32_t *user, uint32_t *group) {
    struct { int32_t process; uint32_t user, group; } peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    *user = peer.user;
    *group = peer.group;
    return 0;
}
// Fills in at most `count` supplementary groups and returns how many; -1 with errno, ERANGE if there are more.
static inline int hmm_peer_groups(int fd, uint32_t *groups, int count) {
    socklen_t length = (socklen_t)count * sizeof *groups;
    return getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0 ? -1 : (int)(length / sizeof *groups);
}
