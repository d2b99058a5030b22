import type zh from './simulator.zh-CN.ts';

const en: typeof zh = {
  simulator: {
    title: 'Simulator',
    off: 'The simulator is switched off on this platform. SEALWATCH_SIMULATOR=1 at the next start switches it on; leave it off in production.',
    scenario: 'Scenario',
    trips: 'Trips',
    seed: 'Seed',
    start: 'Start',
    stop: 'Stop',
    run: 'Run',
    none: 'Nothing runs yet: choose a scenario and start it',
    truth: 'Truth: where the trucks are',
    said: 'Platform: what the wall shows',
    lock: 'Truck / lock',
    happened: 'Truly happened',
    told: 'The platform says',
    nothing: 'nothing',
    flash: '{n} records not sent yet',
    progress: '{done} of {of} played',
    score:
      'recall {recall} %, false critical per 1,000 {false}, missing {missing}, stored twice {twice}, wrong verdicts {verdicts}',
    pass: 'PASS',
    fail: 'FAIL: {why}',
    inject: 'Make it happen',
    choose: 'Choose a truck; then one of these can be made to happen to it',
    done: 'Done: {what}',
    phase: { starting: 'starting', running: 'running', scoring: 'scoring', ended: 'ended', failed: 'failed' },
    word: { right: 'agree', waiting: 'not confirmed yet', missing: 'not said', unfounded: 'without a cause' },
    what: {
      ramp: 'Send down the ramp',
      'rope-cut': 'Cut the rope',
      'case-opened': 'Open the case',
      'illegal-card': 'Unknown card',
      jamming: 'Jam it',
      'dead-zone': 'No radio for 3 min',
    },
  },
};
export default en;
