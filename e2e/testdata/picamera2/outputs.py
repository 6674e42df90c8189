import io


class FileOutput:
    def __init__(self, file):
        if not isinstance(file, io.BufferedIOBase):
            raise RuntimeError("Must pass io.BufferedIOBase")
        self._file = file

    def outputframe(self, frame):
        self._file.write(frame)
        self._file.flush()
