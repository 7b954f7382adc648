/* A camera at /dev/video0 for programs run with this library in LD_PRELOAD: it answers V4L2's calls as a USB camera's
 * driver does, so that FFmpeg's own code reads it, frame by frame, in time. It is told by the environment:
 *
 *   CAMERA_SIZE   "WIDTH HEIGHT", the one size it has
 *   CAMERA_YUYV   "RATE FILE": up to RATE frames a second; those in FILE, WIDTH * HEIGHT * 2 bytes each, over and over
 *   CAMERA_MJPG   the same with JPEG files, each padded to that size; a format that is not given is not offered
 *   CAMERA_FAILS  "CALL ERRNO COUNT": open, S_FMT, STREAMON or DQBUF fails when it has succeeded COUNT times; EAGAIN
 *                 makes DQBUF wait for ever
 *   CAMERA_TEARS  the number of a frame that arrives damaged
 *
 * Frames go to the buffers in the order in which these were queued; one that is due while none is queued is lost. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 32 };
static const struct { const char *variable; unsigned fourcc; } formats[] = {
    {"CAMERA_YUYV", V4L2_PIX_FMT_YUYV}, {"CAMERA_MJPG", V4L2_PIX_FMT_MJPEG}};

static int device = -1, is_nonblocking, is_streaming, frames = -1;
static unsigned width, height, size, step, format, rate, frame_count, queued, next_frame;
static char *memory; /* of all buffers; the device is a file in memory, which the real mmap maps */
static struct { unsigned index; double since; } queue[BUFFERS]; /* those that wait for a frame, in order */
static double begun;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static int fail(int code) {
    errno = code;
    return -1;
}

/* Whether a call is to fail now; it then has the error to fail with in errno. */
static int fails(const char *call) {
    static int succeeded;
    char name[16];
    int code, count;
    if (sscanf(getenv("CAMERA_FAILS") ? getenv("CAMERA_FAILS") : "", "%15s %d %d", name, &code, &count) != 3 ||
        strcmp(name, call) || succeeded++ < count)
        return 0;
    return errno = code;
}

static int open_device(int flags) {
    if (fails("open")) return -1;
    is_nonblocking = flags & O_NONBLOCK;
    sscanf(getenv("CAMERA_SIZE"), "%u %u", &width, &height);
    size = width * height * 2;
    step = (size + 0xffff) & ~0xffffu; /* buffers begin on a page of memory */
    return device = memfd_create("camera", MFD_CLOEXEC);
}

/* Takes a format, or else the first there is, and the only size. */
static int set_format(unsigned fourcc) {
    if (fails("S_FMT")) return -1;
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++) {
            char path[4096];
            const char *told = getenv(formats[i].variable);
            if (!told || (!pass && formats[i].fourcc != fourcc)) continue;
            if (sscanf(told, "%u %4095s", &rate, path) != 2) return fail(EINVAL);
            if (frames >= 0) close(frames);
            frames = open(path, O_RDONLY | O_CLOEXEC);
            if (frames < 0) return -1;
            frame_count = lseek(frames, 0, SEEK_END) / size;
            format = formats[i].fourcc;
            return 0;
        }
    return fail(EINVAL);
}

static int give_buffers(struct v4l2_requestbuffers *request) {
    if (request->count > BUFFERS) request->count = BUFFERS;
    if (ftruncate(device, (off_t)BUFFERS * step)) return -1;
    memory = mmap(NULL, (size_t)BUFFERS * step, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
    return memory == MAP_FAILED ? -1 : 0;
}

static int enqueue(const struct v4l2_buffer *buffer) {
    if (queued == BUFFERS || buffer->index >= BUFFERS) return fail(EINVAL);
    queue[queued].since = now();
    queue[queued++].index = buffer->index;
    return 0;
}

static int dequeue(struct v4l2_buffer *buffer) {
    if (!is_streaming) return fail(EINVAL);
    if (!queued) return fail(EAGAIN);
    double earliest = ceil((queue[0].since - begun) * rate);
    unsigned frame = earliest > next_frame ? (unsigned)earliest : next_frame;
    double time = begun + (double)frame / rate;
    if (now() < time) return fail(EAGAIN);
    if (fails("DQBUF")) return -1;
    buffer->index = queue[0].index;
    memmove(queue, queue + 1, --queued * sizeof *queue);
    next_frame = frame + 1;
    if (pread(frames, memory + buffer->index * step, size, (off_t)(frame % frame_count) * size) != (ssize_t)size)
        return fail(EIO);
    buffer->bytesused = size;
    buffer->timestamp = (struct timeval){(time_t)time, (suseconds_t)((time - floor(time)) * 1e6)};
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (getenv("CAMERA_TEARS") && (unsigned)atoi(getenv("CAMERA_TEARS")) == frame) buffer->flags |= V4L2_BUF_FLAG_ERROR;
    return 0;
}

static int start(void) {
    if (fails("STREAMON")) return -1;
    begun = now();
    is_streaming = 1;
    for (unsigned i = 0; i < queued; i++) queue[i].since = begun;
    return 0;
}

/* FFmpeg's packets lie in the buffers; one that outlives the device is given back to what is no longer there. */
static int stop(void) {
    if (is_streaming && queued < BUFFERS) fprintf(stderr, "camera: stopped with %u frames held\n", BUFFERS - queued);
    is_streaming = queued = next_frame = 0;
    return 0;
}

static int answer(unsigned request, void *argument) {
    struct v4l2_captureparm *parameters = &((struct v4l2_streamparm *)argument)->parm.capture;
    struct v4l2_buffer *buffer = argument;
    struct v4l2_format *asked = argument;
    switch (request) {
    case VIDIOC_QUERYCAP:
        *(struct v4l2_capability *)argument = (struct v4l2_capability){
            .driver = "uvcvideo", .card = "Camera", .capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING};
        return 0;
    case VIDIOC_G_INPUT: return *(int *)argument = 0;
    case VIDIOC_ENUMINPUT:
        *(struct v4l2_input *)argument = (struct v4l2_input){.name = "Camera 1", .type = V4L2_INPUT_TYPE_CAMERA};
        return 0;
    case VIDIOC_S_FMT:
        if (set_format(asked->fmt.pix.pixelformat)) return -1;
        /* fall through */
    case VIDIOC_G_FMT:
        asked->fmt.pix = (struct v4l2_pix_format){
            .width = width, .height = height, .pixelformat = format, .sizeimage = size, .field = V4L2_FIELD_NONE};
        return 0;
    case VIDIOC_S_PARM:
        if (parameters->timeperframe.denominator < rate * parameters->timeperframe.numerator)
            rate = parameters->timeperframe.denominator / parameters->timeperframe.numerator;
        /* fall through */
    case VIDIOC_G_PARM:
        parameters->capability = V4L2_CAP_TIMEPERFRAME;
        parameters->timeperframe = (struct v4l2_fract){1, rate};
        return 0;
    case VIDIOC_REQBUFS: return give_buffers(argument);
    case VIDIOC_QUERYBUF:
        buffer->length = size;
        buffer->m.offset = buffer->index * step;
        return 0;
    case VIDIOC_QBUF: return enqueue(buffer);
    case VIDIOC_DQBUF: return dequeue(buffer);
    case VIDIOC_STREAMON: return start();
    case VIDIOC_STREAMOFF: return stop();
    default: return fail(ENOTTY); /* as for all that a USB camera has not, such as the standards of television */
    }
}

int ioctl(int file, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (file != device || file < 0)
        return ((int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl"))(file, request, argument);
    for (;;) {
        int answered = answer(request, argument);
        if (answered == 0 || errno != EAGAIN || is_nonblocking) return answered;
        usleep(1000);
    }
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    unsigned mode = va_arg(rest, unsigned);
    va_end(rest);
    if (!strcmp(path, "/dev/video0")) return open_device(flags);
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, mode);
}

int close(int file) {
    if (file >= 0 && file == device) device = -1;
    return ((int (*)(int))dlsym(RTLD_NEXT, "close"))(file);
}
