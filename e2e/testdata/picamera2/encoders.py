class MJPEGEncoder:
    def __init__(self, bitrate=None):
        self.bitrate = bitrate
