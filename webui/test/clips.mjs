// Clips for the fake hub: a few seconds of moving pictures, made once by ffmpeg.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const source = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=15', '-t', '6'];

/**
 * Makes the clips in a folder.
 * @param {string} dir
 * @param {string[]} files footage to use instead of the test card
 * @returns {{footage: Buffer[][], mp4: string}}
 */
export function makeClips(dir, files) {
  const quiet = ['-v', 'error', '-y'];
  const card = join(dir, 'clip.mjpeg');
  if (files.length === 0) execFileSync('ffmpeg', [...quiet, ...source, '-q:v', '6', '-f', 'mjpeg', card]);
  const mp4 = join(dir, 'clip.mp4');
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '15'];
  execFileSync('ffmpeg', [...quiet, ...source, ...encoder, '-pix_fmt', 'yuv420p', mp4]);
  return { footage: (files.length ? files : [card]).map((file) => splitJPEGs(readFileSync(file))), mp4 };
}

/**
 * Cuts concatenated JPEGs apart. Good enough for ffmpeg's, which carry no thumbnails.
 * @param {Buffer} bytes
 */
function splitJPEGs(bytes) {
  const soi = Buffer.from([0xff, 0xd8, 0xff]);
  /** @type {Buffer[]} */
  const jpegs = [];
  for (let at = 0; at < bytes.length;) {
    const next = bytes.indexOf(soi, at + 3);
    jpegs.push(bytes.subarray(at, next < 0 ? bytes.length : next));
    at = next < 0 ? bytes.length : next;
  }
  return jpegs;
}

/**
 * Loops an MP4 clip as a fragmented MP4, at its own pace.
 * @param {string} mp4
 * @param {number} seconds
 * @param {import('node:http').ServerResponse} res
 */
export function playMP4(mp4, seconds, res) {
  const args = [
    '-v', 'error', '-re', '-stream_loop', '-1', '-i', mp4, '-t', String(seconds), '-c', 'copy', '-an', '-f', 'mp4',
    '-movflags', 'empty_moov+default_base_moof+frag_every_frame', '-flush_packets', '1', 'pipe:1',
  ];
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  res.writeHead(200, { 'Content-Type': 'video/mp4', 'Cache-Control': 'no-store' });
  ffmpeg.stdout.pipe(res);
  res.on('close', () => ffmpeg.kill('SIGKILL'));
}
