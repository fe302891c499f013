/** Kills the whole process, as a crash of native code would. */
export default () => {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
};
