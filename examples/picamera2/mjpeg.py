#!/usr/bin/env python3
"""Write the Pi camera's pictures to standard output, for bramble-agent:

    bramble-agent --hub nats://HUB:4222 --camera 'desk=exec:python3 mjpeg.py#format=mjpeg'

The agent starts this script when the camera has a viewer, and ends it with SIGINT when the last viewer has left. So
the script needs no server, no threads and no count of viewers. It can use all of picamera2. Only pictures may go to
standard output; print messages to standard error.
"""
import signal
import threading

from picamera2 import Picamera2
from picamera2.encoders import MJPEGEncoder  # the hardware's; on a Pi 5, which has none: JpegEncoder, without bitrate
from picamera2.outputs import FileOutput

stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stop.set())
signal.signal(signal.SIGTERM, lambda *_: stop.set())

camera = Picamera2()
camera.configure(camera.create_video_configuration(
    main={"size": (1280, 720)},
    controls={"FrameRate": 30},
    buffer_count=4,  # the default of 6 costs a Pi Zero memory that it does not have
))
camera.start_recording(MJPEGEncoder(bitrate=10_000_000), FileOutput(open(1, "wb", closefd=False)))
try:
    stop.wait()
finally:
    camera.stop_recording()
    camera.close()
