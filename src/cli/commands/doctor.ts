export declare const runDoctor: any;
