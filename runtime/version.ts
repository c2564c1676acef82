// The version of these programs, as package.json has it.
import packageJson from '../package.json' with { type: 'json' };

export const VERSION = packageJson.version;
