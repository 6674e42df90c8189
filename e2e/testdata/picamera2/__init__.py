"""A fake picamera2, for machines without a Pi camera. It plays pictures from a folder (BRAMBLE_PICTURES)."""
import os
import sys
import threading
from pathlib import Path


class Picamera2:
    def __init__(self, camera_num=0):
        print("[0:00:01.0] INFO Camera camera_manager.cpp: stand-in", file=sys.stderr)
        folder = Path(os.environ["BRAMBLE_PICTURES"])
        self._pictures = [p.read_bytes() for p in sorted(folder.iterdir())]
        self._stop = threading.Event()
        self._thread = None

    def create_video_configuration(self, main=None, controls=None, buffer_count=6):
        return {"main": main, "controls": controls or {}, "buffer_count": buffer_count}

    def configure(self, config):
        self._interval = 1 / config["controls"].get("FrameRate", 30)

    def start_recording(self, encoder, output):
        def record():
            n = 0
            while not self._stop.wait(self._interval):
                output.outputframe(self._pictures[n % len(self._pictures)])
                n += 1

        self._thread = threading.Thread(target=record)
        self._thread.start()

    def stop_recording(self):
        self._stop.set()
        self._thread.join()

    def close(self):
        Path(os.environ["BRAMBLE_PICTURES"]).with_name("closed").touch()
